/** Characters of a sentence, and of a name or a word, that are kept. */
const MAX_SENTENCE = 500;
const MAX_WORD = 253;

/** What a cluster says, no longer than a person reads: it goes into the cluster's document and its notifications, and whoever runs it may mean harm. */
export function briefly(sentence: string): string {
  return sentence.length <= MAX_SENTENCE ? sentence : `${sentence.slice(0, MAX_SENTENCE)}…`;
}

/** A name or a word of a cluster, as long as Kubernetes lets names be. */
export function word(text: unknown): string {
  return String(text).slice(0, MAX_WORD);
}
