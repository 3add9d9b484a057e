import '@patternfly/react-core/dist/styles/base.css';
import { useCallback, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { type Session, api } from './api';
import { Overview } from './pages/Overview';
import { SignIn } from './pages/SignIn';
import './page.css';
import './theme';
import './trusted';

function App() {
  const [session, setSession] = useState<Session | null>();
  const signedOut = useCallback(() => setSession(null), []);
  const signingIn = window.location.pathname === '/signin';

  useEffect(() => {
    if (!signingIn) api.session().then(setSession, () => setSession(null));
  }, [signingIn]);

  if (session) return <Overview session={session} onSignedOut={signedOut} />;
  if (session === null || signingIn) return <SignIn onSignedIn={setSession} />;
  return null;
}

createRoot(document.getElementById('root')!).render(<App />);
