/** A point in time as Magnum writes it: whole seconds, with the offset of UTC in digits. */
export function magnumTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}+00:00`;
}

/** When an object was last changed; null when it never was, as Magnum says it. */
export function magnumUpdated(object: { created_at: Date; updated_at: Date }): string | null {
  return object.updated_at.getTime() === object.created_at.getTime() ? null : magnumTime(object.updated_at);
}
