// Where the page is: paths are the browser's own, so that back, forward and bookmarks do what they do everywhere.
export function go(path, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  window.dispatchEvent(new Event("andon-moved"));
}

export function followLinks() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.origin !== location.origin || link.target) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
