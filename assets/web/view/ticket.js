// The join ticket that a link brings in its fragment, which browsers send to nobody: kept for this tab, so that reloading
// works, and taken out of the address bar.

const KEPT = 'drift.ticket';

/** @returns {string | null} */
export function ticket() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const brought = fragment.get('ticket');
  if (brought !== null) {
    fragment.delete('ticket');
    const url = new URL(location.href);
    url.hash = fragment.toString();
    history.replaceState(history.state, '', url);
  }
  try {
    if (brought !== null) sessionStorage.setItem(KEPT, brought);
    return sessionStorage.getItem(KEPT);
  } catch {
    // Storage may be forbidden; then it is good until the page is reloaded.
    return brought;
  }
}
