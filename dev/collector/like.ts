/** The pattern of LIKE for texts that contain `part`, with `\` as the escape character. */
export function likePattern(part: string): string {
  return `%${part.replace(/[\\%_]/g, "\\$&")}%`;
}
