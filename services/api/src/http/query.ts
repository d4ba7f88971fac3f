/** Whether a boolean of a query, as Magnum's clients write it (`MagnumBoolean`), is true. */
export function isTrue(word: string | undefined): boolean {
  return word !== undefined && /^(true|1)$/i.test(word);
}
