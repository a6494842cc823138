// The bug gallery as a game: a bug is hidden, and checks of it are spent.
{
  class GalleryExplorer extends HTMLElement {
    connectedCallback() {
      Object.assign(this, JSON.parse(this.firstElementChild.textContent));
      const options = "<option></option>" + this.bugs.map(({ name }) => `<option>${name}</option>`).join("");
      this.insertAdjacentHTML("beforeend", `<ul class="checks">${this.checks.map((check) => `<li><button type="button">${check}</button><span></span></li>`).join("")}</ul>
        <p class="tools"><label>It is <select>${options}</select></label><button type="button">Say so</button><button type="button">Another bug</button></p><p class="sum" role="status"></p>`);
      this.querySelectorAll("button").forEach((button, k) => { button.onclick = [() => this.spend(k), () => this.judge(), () => this.hide()][Math.max(0, k + 1 - this.checks.length)]; });
      this.hide();
    }

    hide() {
      const before = this.bug;
      while (this.bug === before) this.bug = Math.floor(Math.random() * this.bugs.length);
      Object.assign(this, { spent: [], over: false });
      this.querySelector("select").selectedIndex = 0;
      this.show(`One of ${this.bugs.length} bugs is hidden: ask up to ${this.budget} checks, then name it.`);
    }

    closed(check) { return this.over || this.spent.includes(check) || this.spent.length === this.budget; }

    spend(check) {
      if (this.closed(check)) return;
      this.spent.push(check);
      this.show(`${this.checks[check]}: ${this.said[this.bug][check]}.`);
    }

    judge() {
      const { value } = this.querySelector("select"), { name, why } = this.bugs[this.bug], right = name === value;
      if (!value) return;
      const left = arithmetic.suspects(this.verdicts, this.bug, this.spent).map((bug) => this.bugs[bug].name);
      this.over = true;
      this.show(`${right ? "Yes" : "No"}: ${name}. ${why} Your checks leave ${left.join(", ")}.`);
    }

    show(words) {
      this.querySelectorAll("li").forEach(({ children: [button, result] }, check) => {
        button.ariaPressed = this.spent.includes(check);
        button.ariaDisabled = this.closed(check);
        result.className = this.verdicts[this.bug][check] && "broken";
        result.textContent = this.over || this.spent.includes(check) ? this.said[this.bug][check] : "";
      });
      this.querySelector(".sum").textContent = words + (this.over ? "" : ` Checks left: ${this.budget - this.spent.length}.${this.spent.length < this.budget ? "" : " Which one is it?"}`);
    }
  }
  customElements.define("gallery-explorer", GalleryExplorer);
}
