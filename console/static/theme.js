// Before anything is drawn: the look that was chosen in this browser, or else the system's own.
try {
  const chosen = localStorage.getItem("andon-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden: then the system's look it is.
}
