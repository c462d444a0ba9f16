// Light, dark, or as the system has it: a button in every page's head, remembered where there is storage.

const key = "gradgpu-theme";
const order = ["auto", "light", "dark"] as const;
type Theme = (typeof order)[number];

function remembered(): Theme {
  try {
    const found = localStorage.getItem(key);
    return order.find((theme) => theme === found) ?? "auto";
  } catch {
    return "auto";
  }
}

function use(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  if (button === null) return;
  const label = { auto: "Auto", light: "Light", dark: "Dark" }[theme];
  button.textContent = label;
  button.setAttribute("aria-label", `${label}: colours of the page`);
}

/** Has the button change it. */
export function watchTheme(): void {
  let current = remembered();
  use(current);
  document.getElementById("theme")?.addEventListener("click", () => {
    current = order[(order.indexOf(current) + 1) % order.length];
    use(current);
    try {
      localStorage.setItem(key, current);
    } catch {
      // It holds for this page.
    }
  });
}
