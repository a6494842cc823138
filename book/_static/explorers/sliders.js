// Explorers whose numbers are set by sliders: a picture of what they make, and
// a line that says it in words.
{
  const { rounded } = arithmetic;

  // One has `settings`, for each name its label, least, most and step; and
  // `show()`, which returns a picture, as HTML, and the words. `said(name)`
  // writes a value.
  class Sliders extends HTMLElement {
    connectedCallback() {
      this.data = JSON.parse(this.firstElementChild.textContent);
      const sliders = Object.entries(this.settings).map(([name, [label, least, most, step]]) => (
        `<label>${label} <input type="range" name="${name}" min="${least}" max="${most}" step="${step}"><output></output></label>`)).join("");
      this.insertAdjacentHTML("beforeend", `<p class="sliders">${sliders}</p><div class="picture"></div>
        <p class="sum" role="status"></p><p class="tools"><button type="button">Reset</button></p>`);
      this.oninput = ({ target }) => {
        this.values[target.name] = target.valueAsNumber;
        this.update();
      };
      this.querySelector("button").onclick = () => this.reset();
      this.reset();
    }

    said(name) { return rounded(this.values[name]); }

    reset() {
      this.values = { ...this.data.values };
      this.update();
    }

    update() {
      for (const slider of this.querySelectorAll("input")) {
        slider.value = this.values[slider.name];
        slider.ariaValueText = slider.nextSibling.textContent = this.said(slider.name);
      }
      const { picture, words } = this.show();
      this.querySelector(".picture").innerHTML = picture;
      this.querySelector(".sum").textContent = words;
    }
  }
  globalThis.explorers = { ...globalThis.explorers, Sliders, rounded };
}
