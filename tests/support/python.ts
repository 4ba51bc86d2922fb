/** Whether this machine has Python 3. */
export async function hasPython(): Promise<boolean> {
  try {
    const command = new Deno.Command("python3", { args: ["-c", "import hmac"], stderr: "null" });
    return (await command.output()).success;
  } catch {
    return false;
  }
}
