// Has the browser keep the site, so that it opens without a network, and says when a newer one has come in.

const way = document.documentElement.dataset.way ?? "./";

async function keepSite(): Promise<void> {
  const { serviceWorker } = navigator;
  // A page that was opened without one gets its first one: no news.
  let isNews = serviceWorker.controller !== null;
  serviceWorker.addEventListener("controllerchange", () => {
    if (isNews) sayNewer();
    isNews = true;
  });
  // Without storage, or offline, the page works as it would without.
  await serviceWorker.register(`${way}offline.js`, { updateViaCache: "none" }).catch(() => {});
}

function sayNewer(): void {
  const line = document.createElement("p");
  line.className = "newer";
  line.role = "status";
  line.append("A newer version of this site has come in. The next visit opens it. ");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = "Open it now";
  button.addEventListener("click", () => location.reload());
  line.append(button);
  document.body.append(line);
}

/** Once the page stands: what is kept must not be in its way. */
export function keepSiteOffline(): void {
  if (!("serviceWorker" in navigator)) return;
  if (document.readyState === "complete") void keepSite();
  else addEventListener("load", () => void keepSite());
}
