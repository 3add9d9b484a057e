// What the API says (its own description: /api/v1/openapi.json), and the one way this program talks to it.

export type State = 'Ready' | 'Renewing' | 'Progressing' | 'Waiting' | 'Degraded' | 'NeedsPerson';

export interface Reason {
  code: string;
  text: string;
}

export interface Endpoint {
  address: string;
  serverName?: string;
  observedAt?: string;
  outcome?: 'served' | 'refused' | 'timeout' | 'noTls' | 'noAddress';
  fingerprint?: string;
  matches?: boolean;
  chainValid?: boolean;
  nameValid?: boolean;
  timeValid?: boolean;
  notAfter?: string;
  subject?: string;
  issuer?: string;
  protocol?: string;
  cipher?: string;
  group?: string;
  fault?: string;
}

export interface Binding {
  target: string;
  state: State;
  batch?: number;
  reason: Reason;
  next?: { step: string; at?: string };
  issued?: { fingerprint: string; serial: string; notBefore: string; notAfter: string; issuedAt: string };
  fault?: { message: string; at: string };
  current?: string;
  previous?: string;
  endpoints: Endpoint[];
}

export interface Certificate {
  name: string;
  owner?: string;
  labels: Record<string, string>;
  mode: 'Observe' | 'Propose' | 'Manage';
  state: State;
  ready: boolean;
  reason: Reason;
  next?: { step: string; at?: string; text?: string };
  dnsNames?: string[];
  ipAddresses?: string[];
  uris?: string[];
  emailAddresses?: string[];
  issuer: string;
  profile: string;
  notAfter?: string;
  renewAt?: string;
  targets: Binding[];
}

export interface Status {
  version: string;
  now: string;
  instance: string;
  counts: Record<'certificates' | 'ready' | 'renewing' | 'progressing' | 'waiting' | 'degraded' | 'needsPerson', number>;
  nextRenewal?: string;
}

export interface AuditEvent {
  number: number;
  at: string;
  actor: string;
  action: string;
  subject: string;
  text?: string;
  severity?: 'info' | 'notice' | 'warning' | 'alarm';
  detail?: unknown;
}

export interface Session {
  name: string;
  role: string;
  csrf?: string;
  expiresAt?: string;
}

interface List<T> {
  items: T[];
  next?: string;
}

/** A problem document (RFC 9457) as an error: its text is fit to be shown. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

// Reeve ends a session that nobody uses. What the page asks by itself while nobody is there must not count as use.
const AWAY = 60000; // ms without a key, a click or a scroll
let lastInput = Date.now();
for (const kind of ['keydown', 'pointerdown', 'pointermove', 'wheel', 'touchstart'])
  window.addEventListener(kind, () => (lastInput = Date.now()), { passive: true });

async function call<T>(method: string, path: string, body?: unknown, csrf?: string): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (csrf) headers['X-CSRF-Token'] = csrf;
  if (method === 'GET' && Date.now() - lastInput > AWAY) headers['X-Reeve-Background'] = '1';
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers,
      credentials: 'same-origin',
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, 'Reeve does not answer', 'It may be restarting; this page tries again by itself.');
  }
  const text = await response.text();
  let value: unknown;
  try {
    value = text ? JSON.parse(text) : undefined;
  } catch {
    throw new Problem(response.status, `The answer to ${method} ${path} is not JSON`);
  }
  if (!response.ok) {
    const problem = (value ?? {}) as { detail?: string; title?: string; hint?: string };
    throw new Problem(response.status, problem.detail ?? problem.title ?? `Status ${response.status}`, problem.hint);
  }
  return value as T;
}

export const api = {
  session: () => call<Session>('GET', '/session'),
  signIn: (code: string) => call<Session>('POST', '/session', { code }),
  signOut: (csrf?: string) => call<void>('DELETE', '/session', undefined, csrf),
  status: () => call<Status>('GET', '/status'),
  certificates: (after?: string) =>
    call<List<Certificate>>('GET', `/certificates?limit=100${after ? `&after=${encodeURIComponent(after)}` : ''}`),
  newest: (count: number) => call<List<AuditEvent>>('GET', `/audit?order=newest&limit=${count}`),
  renew: (name: string, csrf?: string) => call<unknown>('POST', `/certificates/${encodeURIComponent(name)}/renew`, {}, csrf),
};

/** Live events. Every message is one row of the audit; the browser reconnects by itself and asks for what it missed. */
export function listen(onEvent: (event: AuditEvent) => void, onState: (connected: boolean) => void): () => void {
  const source = new EventSource('/api/v1/events');
  source.addEventListener('audit', (message) => onEvent(JSON.parse((message as MessageEvent<string>).data) as AuditEvent));
  source.onopen = () => onState(true);
  source.onerror = () => onState(false);
  return () => source.close();
}
