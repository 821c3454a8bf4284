// Follows the theme of Airflow's UI: the class of the parent page, else what it stored, else the system's.
// A classic script in the head, so that the first paint already has the right colours.
(() => {
  const THEMES = ["dark", "light"];
  const root = document.documentElement;

  const parentRoot = () => {
    try {
      return window.parent === window ? null : window.parent.document.documentElement;
    } catch {
      return null; // the parent is of another origin
    }
  };

  const storedTheme = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is blocked
    }
  };

  const apply = () => {
    const outer = parentRoot();
    const theme = THEMES.find((name) => outer?.classList.contains(name)) ?? THEMES.find((name) => name === storedTheme());
    if (theme) {
      root.dataset.theme = theme;
    } else {
      delete root.dataset.theme;
    }
  };

  apply();
  window.addEventListener("storage", apply);
  const outer = parentRoot();
  if (outer) {
    new MutationObserver(apply).observe(outer, { attributes: true, attributeFilter: ["class"] });
  }
})();
