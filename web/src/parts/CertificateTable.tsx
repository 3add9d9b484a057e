import { Alert, Button, Content, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm } from '@patternfly/react-core';
import { ExpandableRowContent, Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { type ReactNode, useState } from 'react';
import type { Binding, Certificate, Endpoint } from '../api';
import { brief, byUrgency, relative, served, sight } from '../words';
import { StateLabel } from './StateLabel';
import { On, When } from './When';

function EndpointRow({ endpoint, ours, now }: { endpoint: Endpoint; ours: (string | undefined)[]; now: number }) {
  const good = endpoint.matches && endpoint.chainValid && endpoint.nameValid && endpoint.timeValid;
  return (
    <Tr data-endpoint={endpoint.address}>
      <Td dataLabel="Endpoint">
        {endpoint.address}
        {endpoint.serverName ? ` (${endpoint.serverName})` : ''}
      </Td>
      <Td dataLabel="Seen">{good ? 'serves the wanted certificate' : sight(endpoint, ours)}</Td>
      <Td dataLabel="Issuer">{endpoint.issuer ?? ''}</Td>
      <Td dataLabel="Expires">
        <When at={endpoint.notAfter} now={now} />
      </Td>
      <Td dataLabel="Connection">{[endpoint.protocol, endpoint.group].filter(Boolean).join(', ')}</Td>
      <Td dataLabel="Looked">
        <When at={endpoint.observedAt} now={now} />
      </Td>
    </Tr>
  );
}

const alerts = { NeedsPerson: 'danger', Degraded: 'warning', Waiting: 'info', Progressing: 'info', Renewing: 'info' } as const;

/** Whatever is not as wanted says so before anything else. */
function Trouble({ binding, now }: { binding: Binding; now: number }) {
  if (binding.state === 'Ready') return <Content component="p">{brief(binding.reason.text)}</Content>;
  const title = brief(binding.reason.text);
  return (
    <Alert isInline variant={binding.fault && binding.state === 'Renewing' ? 'warning' : alerts[binding.state]} title={title.charAt(0).toUpperCase() + title.slice(1)} data-trouble={binding.target}>
      {binding.fault && (
        <>
          Last failure, <When at={binding.fault.at} now={now} />: {binding.fault.message}
        </>
      )}
    </Alert>
  );
}

function Target({ binding, now }: { binding: Binding; now: number }) {
  return (
    <section className="reeve-target" aria-label={binding.target || 'endpoints of the certificate'}>
      <Content component="h4">
        {binding.target || 'Endpoints of the certificate itself'} <StateLabel state={binding.state} />
      </Content>
      <Trouble binding={binding} now={now} />
      {binding.endpoints.length > 0 && (
        <Table variant="compact" borders={false} aria-label="endpoints">
          <Thead>
            <Tr>
              <Th modifier="nowrap">Endpoint</Th>
              <Th modifier="nowrap">What a handshake showed</Th>
              <Th modifier="nowrap">Issuer</Th>
              <Th modifier="nowrap">Expires</Th>
              <Th modifier="nowrap">Connection</Th>
              <Th modifier="nowrap">Looked</Th>
            </Tr>
          </Thead>
          <Tbody>
            {binding.endpoints.map((e) => (
              <EndpointRow key={`${e.address} ${e.serverName ?? ''}`} endpoint={e} ours={[binding.current, binding.previous]} now={now} />
            ))}
          </Tbody>
        </Table>
      )}
    </section>
  );
}

function Details({ certificate, now }: { certificate: Certificate; now: number }) {
  const facts: [string, ReactNode][] = [
    ['Issuer', certificate.issuer],
    ['Profile', certificate.profile],
    ['Mode', certificate.mode],
    ['Owner', certificate.owner ?? '—'],
    ['Expires', <On key="expires" at={certificate.notAfter} />],
    ['Renewal', <On key="renewal" at={certificate.renewAt} />],
  ];
  return (
    <ExpandableRowContent>
      <DescriptionList isCompact isHorizontal columnModifier={{ default: '2Col', lg: '3Col' }}>
        {facts.map(([term, text]) => (
          <DescriptionListGroup key={term}>
            <DescriptionListTerm>{term}</DescriptionListTerm>
            <DescriptionListDescription>{text}</DescriptionListDescription>
          </DescriptionListGroup>
        ))}
      </DescriptionList>
      {certificate.targets.map((t) => (
        <Target key={t.target} binding={t} now={now} />
      ))}
    </ExpandableRowContent>
  );
}

/** What is Ready has its renewal ahead; anything else says what is the case and what would change it. */
function whatNext(c: Certificate, now: number): string {
  if (c.state === 'Ready' && c.renewAt) return `Renewal ${relative(c.renewAt, now)}`;
  return brief(c.next?.text ?? c.reason.text);
}

interface Props {
  certificates: Certificate[];
  now: number;
  onRenew?: (name: string) => void;
}

export function CertificateTable({ certificates, now, onRenew }: Props) {
  const [open, setOpen] = useState<Record<string, boolean>>({});
  return (
    <Table aria-label="certificates" variant="compact">
      <Thead>
        <Tr>
          <Th screenReaderText="Details" />
          <Th modifier="nowrap" width={15}>
            Certificate
          </Th>
          <Th modifier="nowrap">State</Th>
          <Th modifier="nowrap" width={20}>
            Names
          </Th>
          <Th modifier="nowrap">Served</Th>
          <Th modifier="nowrap">Expires</Th>
          <Th modifier="nowrap" width={35}>
            What happens next
          </Th>
          {onRenew && <Th screenReaderText="Actions" />}
        </Tr>
      </Thead>
      {[...certificates].sort(byUrgency).map((c, index) => {
        const count = served(c);
        const isOpen = open[c.name] ?? c.state !== 'Ready';
        return (
          <Tbody key={c.name} isExpanded={isOpen} data-certificate={c.name}>
            <Tr>
              <Td expand={{ rowIndex: index, isExpanded: isOpen, onToggle: () => setOpen({ ...open, [c.name]: !isOpen }) }} />
              <Td dataLabel="Certificate" modifier="breakWord">
                <strong>{c.name}</strong>
              </Td>
              <Td dataLabel="State">
                <span>
                  <StateLabel state={c.state} />
                </span>
              </Td>
              <Td dataLabel="Names" modifier="breakWord">{[...(c.dnsNames ?? []), ...(c.ipAddresses ?? []), ...(c.uris ?? []), ...(c.emailAddresses ?? [])].join(', ')}</Td>
              <Td dataLabel="Served" modifier="nowrap">
                {count.good} of {count.all}
              </Td>
              <Td dataLabel="Expires" modifier="nowrap">
                <When at={c.notAfter} now={now} />
              </Td>
              <Td dataLabel="What happens next">{whatNext(c, now)}</Td>
              {onRenew && (
                <Td isActionCell>
                  {c.mode === 'Manage' && (
                    <Button variant="secondary" size="sm" onClick={() => onRenew(c.name)}>
                      Renew now
                    </Button>
                  )}
                </Td>
              )}
            </Tr>
            <Tr isExpanded={isOpen}>
              <Td colSpan={onRenew ? 8 : 7}>{isOpen && <Details certificate={c} now={now} />}</Td>
            </Tr>
          </Tbody>
        );
      })}
    </Table>
  );
}
