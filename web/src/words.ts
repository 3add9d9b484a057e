// Words for people: times, states, and what the audit's actions mean.
import type { AuditEvent, Certificate, Endpoint, State } from './api';

const units: [string, number][] = [
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** "in 3 days", "2 hours ago", "now"; an empty text when there is no time. */
export function relative(at: string | undefined, now: number): string {
  if (!at) return '';
  const seconds = Math.round((Date.parse(at) - now) / 1000);
  const size = Math.abs(seconds);
  for (const [name, length] of units) {
    if (size >= length) {
      const n = Math.floor(size / length);
      const amount = `${n} ${name}${n === 1 ? '' : 's'}`;
      return seconds > 0 ? `in ${amount}` : `${amount} ago`;
    }
  }
  return 'now';
}

/** In the reader's own language and time zone. */
export function exact(at: string | undefined): string {
  return at ? new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }) : '';
}

/** As logs have it. */
export function utc(at: string | undefined): string {
  return at ? at.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC') : '';
}

/** Without the exact times in brackets, which a table has no room for. */
export function brief(text: string): string {
  return text.replace(/ \(\d{4}-\d\d-\d\dT[^)]*Z\)/g, '').replace(/`/g, '');
}

export const stateWords: Record<State, string> = {
  Ready: 'Ready',
  Renewing: 'Renewing',
  Progressing: 'In progress',
  Waiting: 'Waiting',
  Degraded: 'Degraded',
  NeedsPerson: 'Needs a person',
};

/** The worst first, then the one that acts soonest. */
export function byUrgency(a: Certificate, b: Certificate): number {
  const order: State[] = ['NeedsPerson', 'Degraded', 'Waiting', 'Progressing', 'Renewing', 'Ready'];
  const difference = order.indexOf(a.state) - order.indexOf(b.state);
  if (difference !== 0) return difference;
  return (a.next?.at ?? a.notAfter ?? '9').localeCompare(b.next?.at ?? b.notAfter ?? '9') || a.name.localeCompare(b.name);
}

export function endpoints(certificate: Certificate): Endpoint[] {
  return certificate.targets.flatMap((t) => t.endpoints);
}

export function served(certificate: Certificate): { good: number; all: number } {
  const list = endpoints(certificate);
  return { good: list.filter((e) => e.matches && e.chainValid && e.nameValid && e.timeValid).length, all: list.length };
}

/** What an endpoint shows, in one sentence. */
export function sight(endpoint: Endpoint, ours: (string | undefined)[] = []): string {
  if (!endpoint.observedAt) return 'not looked at yet';
  switch (endpoint.outcome) {
    case 'refused':
      return 'refuses connections';
    case 'timeout':
      return 'did not answer in time';
    case 'noTls':
      return 'answers, but not with TLS';
    case 'noAddress':
      return 'its name has no address';
  }
  if (endpoint.fault) return endpoint.fault;
  if (!endpoint.matches && endpoint.fingerprint && ours.includes(endpoint.fingerprint)) return 'serves the certificate of before';
  return endpoint.matches ? 'serves the wanted certificate' : `serves another certificate, of ${endpoint.issuer ?? 'an unknown issuer'}`;
}

/** An event as a sentence: what the service calls it, else its action taken apart ("certificate.issued"). */
export function eventWords(event: Pick<AuditEvent, 'action' | 'text'>): string {
  const action = event.action;
  if (event.text) return event.text;
  return action.replace(/[.]/g, ' ').replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}

/** Serial numbers and the like in as many characters as a person compares. */
export function short(subject: string): string {
  return subject.replace(/[0-9a-f]{20,}/g, (long) => `${long.slice(0, 8)}…`);
}
