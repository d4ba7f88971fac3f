/** Of the time that something takes, a share passes between two looks at it. */
const SHARE = 0.25;

/**
 * How soon to look again at what goes on: the later the longer it takes, within bounds.
 * @param agoMs how long ago it began, or last moved
 */
export function nextLookMs(agoMs: number, shortestMs: number, longestMs: number): number {
  return Math.min(longestMs, Math.max(shortestMs, agoMs * SHARE));
}
