import { exact, relative, utc } from '../words';

/** "in 3 days"; the exact time is in the tooltip, in the reader's time zone and in UTC. */
export function When({ at, now }: { at?: string; now: number }) {
  if (!at) return null;
  return (
    <time dateTime={at} title={`${exact(at)} — ${utc(at)}`}>
      {relative(at, now)}
    </time>
  );
}

/** The date itself, in the reader's language. */
export function On({ at }: { at?: string }) {
  if (!at) return <>—</>;
  return (
    <time dateTime={at} title={utc(at)}>
      {exact(at)}
    </time>
  );
}
