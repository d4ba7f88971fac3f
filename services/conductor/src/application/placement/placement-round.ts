import type { Blocker, Failure, PlacementStatus } from '@cetus/shared/schemas';

/** What one round came to in one cluster. */
export type PlacementRound =
  /** The application is there as it shall be. */
  | { phase: 'complete'; status: PlacementStatus }
  /** It goes on: look again after so many milliseconds, unless something happens before. */
  | {
      phase: 'working';
      status: PlacementStatus;
      progress: string;
      wakeUpAfterMs: number;
      blockedBy?: readonly Blocker[];
    }
  /** It does not come to that by itself. */
  | { phase: 'failed'; status: PlacementStatus; failure: Failure }
  /** Nothing of the application is there any more; what was left behind, if anything. */
  | { phase: 'gone'; leftBehind?: readonly Blocker[] };
