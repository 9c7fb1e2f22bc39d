/*
 * Uptier's storefront widget: two elements, no dependencies. Load it once, from anywhere on the page:
 *
 *   <script src="https://your-uptier/widget.js" async></script>
 *
 *   <uptier-recommendations publishable-key="upt_pk_..." customer-token="..." placement="home" k="6"></uptier-recommendations>
 *   <uptier-offer publishable-key="upt_pk_..." customer-token="..." placement="home"></uptier-offer>
 *
 * `customer-token` is a JWT that your own server signs for the customer who is logged in (see "Customer tokens" in the README).
 * Further attributes: `api` (address of Uptier; default: where this script came from), `heading`, `lang`, `timeout-ms` (default 1500),
 * and on recommendations `cart` and `exclude` (item keys, comma separated), `item-url` (such as "/products/{item}") and `least` (show
 * nothing when there are fewer items; default 2).
 *
 * The page is never blocked: space is reserved while the answer is on its way, and whatever goes wrong, the element hides without a word.
 * Events (bubbling, `detail` holds the facts): uptier-impression, uptier-click, uptier-dismiss, uptier-accept, uptier-empty.
 * Colours follow --uptier-accent, --uptier-on-accent, --uptier-text, --uptier-muted, --uptier-surface and --uptier-border of your page.
 */
(() => {
  "use strict";

  const SCRIPT = document.currentScript && document.currentScript.src;
  const HOME = SCRIPT ? new URL(SCRIPT, document.baseURI).origin : location.origin;
  const VISIBLE_SHARE = 0.5;

  const STYLE = `
    :host { display: block; color: var(--uptier-text, inherit); font: inherit; }
    :host([aria-busy]) { min-height: var(--uptier-reserve, 7rem); }
    :host([hidden]) { display: none; }
    * { box-sizing: border-box; }
    h2 { font-size: 1.25rem; margin: 0 0 .75rem; line-height: 1.3; }
    ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem;
         grid-template-columns: repeat(auto-fill, minmax(min(10rem, 100%), 1fr)); }
    li { display: flex; }
    .item { flex: 1; display: flex; flex-direction: column; gap: .35rem; padding: .9rem; text-decoration: none; color: inherit;
            background: var(--uptier-surface, transparent); border: 1px solid var(--uptier-border, #8884); border-radius: .75rem; }
    a.item:hover { border-color: var(--uptier-accent, #2b5fd9); }
    .name { font-weight: 600; line-height: 1.35; overflow-wrap: anywhere; }
    .price { font-variant-numeric: tabular-nums; }
    .why { margin-top: auto; font-size: .85rem; line-height: 1.4; color: var(--uptier-muted, inherit); }
    .offer { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; align-items: center; justify-content: space-between; padding: 1.1rem 1.25rem;
             background: var(--uptier-surface, transparent); border: 1px solid var(--uptier-border, #8884);
             border-inline-start: .3rem solid var(--uptier-accent, #2b5fd9); border-radius: .75rem; }
    .text { flex: 1 1 20rem; min-width: 0; }
    .message { margin: 0; font-size: 1.1rem; font-weight: 600; line-height: 1.4; }
    .cost { margin: .35rem 0 0; line-height: 1.5; }
    .cost strong { font-variant-numeric: tabular-nums; }
    .until { margin: .25rem 0 0; font-size: .85rem; color: var(--uptier-muted, inherit); }
    .buttons { display: flex; gap: .6rem; flex-wrap: wrap; }
    button { font: inherit; font-weight: 600; padding: .6rem 1.1rem; border-radius: .6rem; cursor: pointer; min-height: 2.75rem;
             border: 1px solid var(--uptier-accent, #2b5fd9); background: transparent; color: var(--uptier-text, inherit); }
    button.yes { background: var(--uptier-accent, #2b5fd9); color: var(--uptier-on-accent, #fff); }
    button:disabled { opacity: .6; cursor: progress; }
    :is(button, a):focus-visible { outline: 3px solid var(--uptier-accent, #2b5fd9); outline-offset: 2px; }
  `;

  const REASONS = {
    because_you_bought: (name) => (name ? `Because you bought ${name}` : "Fits what you bought"),
    goes_with_cart: (name) => (name ? `Goes with ${name} in your cart` : "Goes with your cart"),
    popular_in_segment: () => "Popular with customers like you",
    trending: () => "Popular right now",
    new: () => "New in the shop",
  };

  /** An element of `name` with text (never markup) and children. */
  function make(name, className, content) {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (typeof content === "string") element.textContent = content;
    else if (content) element.append(...content);
    return element;
  }

  function money(value, lang) {
    try {
      return new Intl.NumberFormat(lang, { style: "currency", currency: value.currency }).format(value.amount);
    } catch {
      return `${value.amount} ${value.currency}`;
    }
  }

  /** The API answered, and the answer was no. Any other error means that we do not know what it did. */
  class Refused extends Error {}

  class UptierElement extends HTMLElement {
    static observedAttributes = ["customer-token", "placement", "k", "cart", "exclude"];
    #generation = 0;
    #watcher = null;

    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      try {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(STYLE);
        root.adoptedStyleSheets = [sheet];
      } catch {
        root.append(make("style", "", STYLE));
      }
    }

    connectedCallback() {
      this.refresh();
    }

    disconnectedCallback() {
      this.#generation += 1;
      this.unwatch();
    }

    attributeChangedCallback(_name, before, after) {
      if (this.isConnected && before !== null && before !== after) this.refresh();
    }

    get language() {
      return this.lang || document.documentElement.lang || undefined;
    }

    /** Asks again and shows the answer; whatever fails, hides. */
    async refresh() {
      const generation = (this.#generation += 1);
      this.unwatch();
      this.hidden = false;
      this.setAttribute("aria-busy", "true");
      try {
        const answer = await this.ask();
        if (generation !== this.#generation) return;
        const shown = this.draw(answer);
        if (shown) this.watch(shown);
        else this.hide("empty");
      } catch {
        if (generation === this.#generation) this.hide("failed");
      } finally {
        if (generation === this.#generation) this.removeAttribute("aria-busy");
      }
    }

    hide(why) {
      this.hidden = true;
      this.shadowRoot.replaceChildren();
      if (why) this.tell("empty", { why });
    }

    tell(kind, detail) {
      this.dispatchEvent(new CustomEvent(`uptier-${kind}`, { bubbles: true, composed: true, detail }));
    }

    /** One call to the API; rejects on any status but success and after the time-out. */
    async call(path, { body, idempotencyKey, patience } = {}) {
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), patience || Number(this.getAttribute("timeout-ms")) || 1500);
      const headers = {
        Authorization: `Bearer ${this.getAttribute("publishable-key") || ""}`,
        "X-Customer-Token": this.getAttribute("customer-token") || "",
      };
      if (body) headers["Content-Type"] = "application/json";
      if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
      try {
        const base = (this.getAttribute("api") || HOME).replace(/\/$/, "");
        const response = await fetch(base + path, {
          method: body ? "POST" : "GET",
          headers,
          body: body && JSON.stringify(body),
          signal: stop.signal,
          credentials: "omit",
          cache: "no-store",
          keepalive: Boolean(body),
        });
        if (!response.ok) throw new Refused(String(response.status));
        return await response.json();
      } finally {
        clearTimeout(timer);
      }
    }

    /** Calls `seen` once, when half of the content has come into view. */
    watch(seen) {
      if (!("IntersectionObserver" in window)) return;
      this.#watcher = new IntersectionObserver(
        (entries) => {
          if (!entries.some((entry) => entry.intersectionRatio >= VISIBLE_SHARE)) return;
          this.unwatch();
          seen();
        },
        { threshold: VISIBLE_SHARE },
      );
      this.#watcher.observe(this);
    }

    unwatch() {
      if (this.#watcher) this.#watcher.disconnect();
      this.#watcher = null;
    }
  }

  class Recommendations extends UptierElement {
    ask() {
      const query = new URLSearchParams({ placement: this.getAttribute("placement") || "default", k: this.getAttribute("k") || "6" });
      for (const name of ["cart", "exclude"]) {
        for (const item of (this.getAttribute(name) || "").split(",")) if (item.trim()) query.append(name, item.trim());
      }
      return this.call(`/v1/recommendations?${query}`);
    }

    draw(answer) {
      const items = answer.items.filter((item) => item.name);
      if (items.length < Number(this.getAttribute("least") || 2)) return null;
      const personal = answer.level === "personal";
      const heading = make("h2", "", this.getAttribute("heading") || (personal ? "Picked for you" : "You might like"));
      const list = make("ul", "", items.map((item) => make("li", "", [this.card(item, answer.decision_id)])));
      this.shadowRoot.replaceChildren(heading, list);
      return () => this.tell("impression", { decision: answer.decision_id, items: items.map((item) => item.item) });
    }

    card(item, decision) {
      const url = this.getAttribute("item-url");
      const card = make(url ? "a" : "div", "item");
      if (url) card.href = url.replaceAll("{item}", encodeURIComponent(item.item));
      card.append(make("span", "name", item.name));
      if (item.price) card.append(make("span", "price", money(item.price, this.language)));
      const reason = item.reasons[0];
      const said = reason && REASONS[reason.kind];
      if (said) card.append(make("span", "why", said(reason.name)));
      card.addEventListener("click", () => this.tell("click", { decision, item: item.item }));
      return card;
    }
  }

  class Offer extends UptierElement {
    ask() {
      return this.call("/v1/decisions", { body: { placement: this.getAttribute("placement") || "default" } });
    }

    draw({ offer, decision_id: decision }) {
      if (!offer) return null;
      const yes = make("button", "yes", this.getAttribute("accept-label") || "Upgrade now");
      const no = make("button", "no", this.getAttribute("dismiss-label") || "Not now");
      const until = new Date(offer.expires_at).toLocaleString(this.language, { dateStyle: "medium", timeStyle: "short" });
      const text = make("div", "text", [
        make("p", "message", offer.message),
        this.cost(offer.quote),
        make("p", "until", `This price holds until ${until}.`),
      ]);
      this.frame([text, make("div", "buttons", [yes, no])]);
      yes.addEventListener("click", () => this.accept(decision, offer, [yes, no]));
      no.addEventListener("click", () => this.dismiss(decision));
      return () => this.seen(decision);
    }

    /** Another tab may have taken this offer's place while it waited to be looked at: then it asks again. */
    async seen(decision) {
      const told = await this.outcome(decision, "impression").catch(() => ({}));
      if (told.late) this.refresh();
    }

    frame(content) {
      const frame = make("section", "offer", content);
      frame.setAttribute("aria-label", "An offer for you");
      frame.setAttribute("aria-live", "polite");
      this.shadowRoot.replaceChildren(frame);
    }

    /** What it costs, in the words of the invoice: the share of this period, billed with the next invoice, and what follows. */
    cost(quote) {
      const line = make("p", "cost");
      if (!quote.interval) {
        line.append(make("strong", "", money(quote.total, this.language)), ", once.");
        return line;
      }
      const period = quote.lines.map((each) => each.period).filter(Boolean).pop();
      const end = period && new Date(period.end).toLocaleDateString(this.language, { dateStyle: "medium" });
      line.append(make("strong", "", money(quote.total, this.language)), end ? ` until ${end}` : " for the rest of this period");
      line.append(", on your next invoice. After that ", make("strong", "", money(quote.recurring, this.language)));
      const every = quote.interval_count > 1 ? `every ${quote.interval_count} ${quote.interval}s` : `per ${quote.interval}`;
      line.append(` ${every}.`);
      return line;
    }

    async accept(decision, offer, buttons) {
      for (const button of buttons) button.disabled = true;
      this.outcome(decision, "click").catch(() => {});
      try {
        const done = await this.outcome(decision, "accept", 15000);
        const thanks = make("p", "message", "Done. Your new rights are ready to use.");
        thanks.tabIndex = -1;
        const when = done.invoice ? "is invoiced" : "will be on your next invoice";
        const billed = make("p", "cost", `${money(done.total, this.language)} ${when}, as offered.`);
        this.frame([make("div", "text", [thanks, billed])]);
        thanks.focus({ preventScroll: true });
        this.tell("accept", { decision, target: offer.target, plan: done.plan, total: done.total });
      } catch (error) {
        const refused = error instanceof Refused;
        const said = refused ? "This offer no longer holds, and nothing was charged." : "We got no answer. Asking again is safe: it counts once.";
        const again = make("button", "yes", refused ? "See what is on offer now" : "Ask again");
        again.addEventListener("click", () => (refused ? this.refresh() : this.accept(decision, offer, [again])));
        this.frame([make("div", "text", [make("p", "message", said)]), make("div", "buttons", [again])]);
        again.focus({ preventScroll: true });
      }
    }

    dismiss(decision) {
      this.outcome(decision, "dismiss").catch(() => {});
      this.hide();
      this.tell("dismiss", { decision });
    }

    /** The key names the fact, so telling it again, from another tab or after a lost answer, changes nothing. */
    async outcome(decision, kind, patience) {
      const path = `/v1/decisions/${encodeURIComponent(decision)}/outcome`;
      const answer = await this.call(path, { body: { kind }, idempotencyKey: `${decision}:${kind}`, patience });
      if (kind === "impression" || kind === "click") this.tell(kind, { decision });
      return answer;
    }
  }

  for (const [name, element] of [["uptier-recommendations", Recommendations], ["uptier-offer", Offer]]) {
    if (!customElements.get(name)) customElements.define(name, element);
  }
})();
