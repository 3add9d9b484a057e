import { List, ListItem } from '@patternfly/react-core';
import type { AuditEvent } from '../api';
import { actionWords, exact, relative } from '../words';

export function Activity({ events, now }: { events: AuditEvent[]; now: number }) {
  if (events.length === 0) return <p>Nothing has happened since this page was opened. It is live: leave it open.</p>;
  return (
    <List isPlain isBordered aria-label="activity">
      {events.slice(0, 15).map((e) => (
        <ListItem key={e.number} title={exact(e.at)}>
          {actionWords(e.action)} · {e.subject} · {e.actor} · {relative(e.at, now)}
        </ListItem>
      ))}
    </List>
  );
}
