import { Button, Content, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm } from '@patternfly/react-core';
import { ExpandableRowContent, Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import type { Binding, Certificate, Endpoint } from '../api';
import { byUrgency, exact, relative, served, sight } from '../words';
import { StateLabel } from './StateLabel';

function EndpointRow({ endpoint, now }: { endpoint: Endpoint; now: number }) {
  const good = endpoint.matches && endpoint.chainValid && endpoint.nameValid && endpoint.timeValid;
  return (
    <Tr data-endpoint={endpoint.address}>
      <Td dataLabel="Endpoint">
        {endpoint.address}
        {endpoint.serverName ? ` (${endpoint.serverName})` : ''}
      </Td>
      <Td dataLabel="Seen">{good ? 'serves the wanted certificate' : sight(endpoint)}</Td>
      <Td dataLabel="Issuer">{endpoint.issuer ?? ''}</Td>
      <Td dataLabel="Expires" title={exact(endpoint.notAfter)}>
        {relative(endpoint.notAfter, now)}
      </Td>
      <Td dataLabel="Connection">{[endpoint.protocol, endpoint.group].filter(Boolean).join(', ')}</Td>
      <Td dataLabel="Looked" title={exact(endpoint.observedAt)}>
        {relative(endpoint.observedAt, now)}
      </Td>
    </Tr>
  );
}

function Target({ binding, now }: { binding: Binding; now: number }) {
  return (
    <section aria-label={binding.target || 'endpoints of the certificate'}>
      <Content component="h4">
        {binding.target || 'Endpoints of the certificate itself'} <StateLabel state={binding.state} />
      </Content>
      <Content component="p">{binding.reason.text}</Content>
      {binding.fault && (
        <Content component="p">
          <strong>{relative(binding.fault.at, now)}:</strong> {binding.fault.message}
        </Content>
      )}
      {binding.endpoints.length > 0 && (
        <Table variant="compact" borders={false} aria-label="endpoints">
          <Thead>
            <Tr>
              <Th>Endpoint</Th>
              <Th>What a handshake showed</Th>
              <Th>Issuer</Th>
              <Th>Expires</Th>
              <Th>Connection</Th>
              <Th>Looked</Th>
            </Tr>
          </Thead>
          <Tbody>
            {binding.endpoints.map((e) => (
              <EndpointRow key={`${e.address} ${e.serverName ?? ''}`} endpoint={e} now={now} />
            ))}
          </Tbody>
        </Table>
      )}
    </section>
  );
}

function Details({ certificate, now }: { certificate: Certificate; now: number }) {
  const facts: [string, string][] = [
    ['Issuer', certificate.issuer],
    ['Profile', certificate.profile],
    ['Mode', certificate.mode],
    ['Owner', certificate.owner ?? '—'],
    ['Expires', exact(certificate.notAfter) || '—'],
    ['Renewal', exact(certificate.renewAt) || '—'],
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
          <Th>Certificate</Th>
          <Th>State</Th>
          <Th>Names</Th>
          <Th>Served</Th>
          <Th>Expires</Th>
          <Th>What happens next</Th>
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
              <Td dataLabel="Certificate">{c.name}</Td>
              <Td dataLabel="State">
                <StateLabel state={c.state} />
              </Td>
              <Td dataLabel="Names">{[...(c.dnsNames ?? []), ...(c.ipAddresses ?? []), ...(c.uris ?? []), ...(c.emailAddresses ?? [])].join(', ')}</Td>
              <Td dataLabel="Served">
                {count.good} of {count.all}
              </Td>
              <Td dataLabel="Expires" title={exact(c.notAfter)}>
                {relative(c.notAfter, now)}
              </Td>
              <Td dataLabel="What happens next" title={exact(c.next?.at)}>
                {c.next?.text ?? c.reason.text}
              </Td>
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
