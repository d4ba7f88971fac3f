/** Compares versions such as `v1.33.2`: negative when the first is lower. What is no such version equals all others. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  const at = left.findIndex((part, index) => part !== right[index]);
  return left.length === 0 || right.length === 0 || at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}

/** How many minor versions lie between two. */
export function minorsBetween(from: string, to: string): number {
  return (parts(to)[1] ?? 0) - (parts(from)[1] ?? 0);
}

function parts(version: string): number[] {
  return (/^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1) ?? []).map(Number);
}
