import { Alert, Card, CardBody, CardTitle, CodeBlock, CodeBlockCode, Content, Spinner } from '@patternfly/react-core';
import { useEffect, useState } from 'react';
import { Problem, type Session, api } from '../api';

/** Signs in with the code behind '#' of a one-time link. The code never reaches a server's log: it is not in the URL that
 *  is asked for, and it is taken out of the address bar at once. */
export function SignIn({ onSignedIn }: { onSignedIn: (session: Session) => void }) {
  const [code] = useState(() => window.location.hash.slice(1));
  const [problem, setProblem] = useState<Problem>();

  useEffect(() => {
    if (!code) return;
    window.history.replaceState(null, '', '/');
    api.signIn(code).then(onSignedIn, (error: unknown) => setProblem(error instanceof Problem ? error : new Problem(0, String(error))));
  }, [code, onSignedIn]);

  return (
    <main className="reeve-signin">
        <Card>
          <CardTitle component="h1">Reeve</CardTitle>
          <CardBody>
            {problem && (
              <Alert isInline variant="danger" title={problem.message}>
                {problem.hint}
              </Alert>
            )}
            {code && !problem ? (
              <Spinner aria-label="signing in" />
            ) : (
              <>
                <Content component="p">You are signed out. Signing in takes a link that works once. Whoever may use the command line where Reeve runs makes one with</Content>
                <CodeBlock>
                  <CodeBlockCode>reeve token link</CodeBlockCode>
                </CodeBlock>
              </>
            )}
          </CardBody>
        </Card>
    </main>
  );
}
