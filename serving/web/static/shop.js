/* After an accepted offer the header shows the customer's new plan and limits, as the server now tells them. */
document.addEventListener("uptier-accept", async () => {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("account");
  const shown = document.getElementById("account");
  if (fresh && shown) shown.replaceChildren(...fresh.childNodes);
});
