/** The part of the Heat Orchestration Template language (version 2018-08-31) that stacks of clusters are written in. */
export type HotValue = string | number | boolean | null | HotValue[] | { [key: string]: HotValue };

export type HotResource = {
  type: string;
  depends_on?: string[];
  properties?: Record<string, HotValue>;
};

export type HotParameter = {
  type: 'string' | 'number' | 'comma_delimited_list';
  description: string;
  default?: HotValue;
  /** Hidden values are left out of Heat's answers, and stored encrypted where Heat is configured so. */
  hidden?: boolean;
  constraints?: HotValue[];
};

export type HotOutput = {
  description: string;
  value: HotValue;
};

export type HotTemplate = {
  heat_template_version: '2018-08-31';
  description: string;
  parameters: Record<string, HotParameter>;
  resources: Record<string, HotResource>;
  outputs: Record<string, HotOutput>;
};

export function getParam(name: string): HotValue {
  return { get_param: name };
}

export function getResource(name: string): HotValue {
  return { get_resource: name };
}

export function getAttr(resource: string, ...path: (string | number)[]): HotValue {
  return { get_attr: [resource, ...path] };
}

/**
 * Heat's str_replace over the tokens that occur in the text. A token that does not occur is left out, because naming
 * a resource there would make a dependency of it; a text without tokens needs no function at all.
 */
export function strReplace(text: string, tokens: Readonly<Record<string, HotValue>>): HotValue {
  const params = Object.fromEntries(Object.entries(tokens).filter(([token]) => text.includes(token)));
  return Object.keys(params).length === 0 ? text : { str_replace: { template: text, params } };
}
