/** Bounds of a password in code points, and of its text as sent in bytes. */
export const passwordBounds = { min: 8, max: 128, maxBytes: 1024 } as const;

/**
 * The one form of a password that is counted and hashed.
 *
 * NFKC, as NIST SP 800-63B §5.1.1.2 advises: keyboards and systems encode one character in several
 * ways, and the person must be able to log in from another device. Nothing is trimmed or cut.
 */
export function normalisePassword(password: string): string {
  return password.normalize("NFKC");
}

/** Whether a text is too long to be processed as a password at all. */
export function isOversized(password: string): boolean {
  return password.length > passwordBounds.maxBytes ||
    new TextEncoder().encode(password).length > passwordBounds.maxBytes;
}

/**
 * Why a text may not become a password, or undefined when it may.
 *
 * Length is counted in code points after normalisation, each as one character, as NIST SP 800-63B
 * §5.1.1.2 requires; there are no composition rules. The most common passwords, one character
 * repeated, and the person's own address are refused too.
 */
export function findPasswordFault(password: string, email: string): string | undefined {
  if (isOversized(password)) return "Must be at most 1 KiB";
  const normalised = normalisePassword(password);
  const length = [...normalised].length;
  if (length < passwordBounds.min || length > passwordBounds.max) {
    return `Must have ${passwordBounds.min} to ${passwordBounds.max} characters`;
  }
  if (!password.isWellFormed() || password.includes("\0")) return "Must be plain text";
  const folded = normalised.toLowerCase();
  const [localPart = ""] = email.split("@");
  if (folded === email || folded === localPart) return "Must not be the e-mail address";
  const isKnown = commonPasswords.has(folded) || new Set(folded).size === 1;
  return isKnown ? "Must not be one of the best-known passwords" : undefined;
}

/**
 * The most common passwords of at least eight characters, in lower case.
 *
 * Shorter ones are refused by their length. The list is small on purpose: it stops the first
 * attempts that the throttle admits, and the bundle stays small.
 */
export const commonPasswords: ReadonlySet<string> = new Set(
  `
  !@#$%^&* !qaz2wsx !qaz@wsx 0123456789 101010101 10203040 11112222 11223344 112233445566
  12121212 123123123 123321123 1234!@#$ 12341234 12344321 123454321 12345678 123456789
  1234567890 1234567891 12345678910 123456789a 12345678a 1234567a 123456aa 123456abc 1234abcd
  1234qwer 123qwe123 123qweasd 12qwaszx 13579246 1357924680 147258369 147852369 159753456
  19871987 19901990 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc 1qazxsw2 20202020
  24681012 31415926 314159265 741852963 7777777a 789456123 87654321 963852741 987654321
  9876543210 a1b2c3d4 a1b2c3d4e5 aa123456 aa12345678 aaaa1111 abc12345 abc123456 abc123abc
  abcd1234 abcd12345 abcdefg1 abcdefgh abcdefghi access14 admin123 admin1234 admin12345
  admin123456 adminadmin administrator administrator1 adminpassword alexander alexandra america1
  angel123 anthony1 arsenal1 asd12345 asdf1234 asdfasdf asdfghjk asdfghjkl asdfjkl; asdqwe123
  autumn2024 babygirl babygirl1 barcelona baseball baseball1 basketball batman123 beautiful
  benjamin blessed1 blink182 blueberry brooklyn butterfly caroline change-me changeme changeme1
  changeme123 charlie1 charlotte chelsea1 chicago1 chocolate christian christine christopher
  computer computer1 cookie123 corvette cowboys1 dallas123 danielle december default1 demo1234
  dolphins dragon123 edgepass edgepass1 edgepass123 elephant elizabeth example123 facebook
  facebook1 february ferrari1 football football1 forever1 freedom1 gateway1 god12345 goodluck
  google123 guest123 guestguest hello123 hello1234 hellohello helloworld hunter123 ilovegod
  iloveu123 iloveyou iloveyou! iloveyou1 iloveyou2 internet internet1 january1 jennifer jessica1
  jesus123 jesuschrist jonathan jordan123 jordan23 juventus killer123 lakers24 learner1 learning
  letmein! letmein1 letmein12 letmein123 linkedin liverpool liverpool1 login123 london123
  lovelove lovely123 loveyou1 manchester marlboro master123 maverick mercedes metallica michael1
  michelle midnight minecraft minecraft1 monkey123 mountain mustang1 mypassword mysecret
  newpassword newyork1 nicholas nintendo november p@55w0rd p@ssw0rd p@ssword pa$$w0rd pa$$word
  passphrase passw0rd passw0rd! passw0rd1 password password! password0 password01 password1
  password1! password12 password12! password123 password123! password1234 password2 password2020
  password2021 password2022 password2023 password2024 password2025 password3 password99
  passwords passwort passwort1 patricia pineapple playstation pokemon1 pokemon123 porsche1
  princess princess1 q1q1q1q1 q1w2e3r4 q1w2e3r4t5 qazwsx123 qazwsxedc qazxswedc qwe12345
  qweasdzxc qweqweqwe qwer1234 qwer12345 qwerasdf qwerqwer qwert123 qwert12345 qwerty!@#
  qwerty12 qwerty123 qwerty1234 qwerty12345 qwerty123456 qwertyui qwertyuio qwertyuiop
  realmadrid redskins root1234 rootroot samantha sample123 samsung1 samsung123 saturday savannah
  school123 scorpion secret123 secretpassword september shadow123 slipknot softball spiderman
  spring2024 starwars starwars1 steelers stephanie strawberry student1 student123 summer2020
  summer2023 summer2024 sunshine sunshine1 superman superman1 sweetheart teacher1 test1234
  test12345 test123456 tester123 testing1 testing123 testtest toor1234 trustno1 user1234
  user12345 username veronica victoria volleyball wednesday welcome1 welcome1! welcome12
  welcome123 welcome2 whatever whatever1 winter2024 yankees1 zaq!2wsx zaq12wsx zaq1xsw2 zaq1zaq1
  zxcv1234 zxcvbnm, zxcvbnm,./ zxcvbnm1 zxcvbnm123 zxczxczxc
`.trim().split(/\s+/),
);
