/** What Keystone says about a token. Domain-scoped and unscoped tokens have no project. */
export interface TokenInfo {
  userId: string;
  userName: string;
  projectId?: string;
  projectName?: string;
  /** The domain that a domain-scoped token is for. */
  domainId?: string;
  /** The names of the roles, implied ones included, as Keystone spells them. */
  roles: readonly string[];
  expiresAt: Date;
}

/** Asks whoever issues tokens. */
export interface TokenValidator {
  /**
   * @returns what the token is for, or null when it is not (or no longer) good.
   * @throws when the question could not be answered; any error will do.
   */
  validateToken(token: string, signal?: AbortSignal): Promise<TokenInfo | null>;
}
