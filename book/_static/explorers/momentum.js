// A valley, the path of a ball in it, and the roots that say whether it arrives.
{
  const { Sliders, rounded } = explorers;
  const STEPS = 40, LEVELS = [0.1, 0.7, 2, 4.5, 8, 13, 19], AXES = ["along", "across"];

  class MomentumExplorer extends Sliders {
    settings = {
      first: ["start, along", -4.5, 4.5, 0.1], second: ["start, across", -1.8, 1.8, 0.1],
      rate: ["rate", 0.005, 0.2, 0.001], momentum: ["momentum", 0, 0.98, 0.01], condition: ["condition", 1, 50, 1],
    };

    connectedCallback() {
      super.connectedCallback();
      const picture = this.querySelector(".picture");
      // The start follows a pointer that is pressed on it.
      const drag = (event) => {
        const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.firstElementChild.getScreenCTM().inverse());
        const within = (name, value) => Math.min(Math.max(value, this.settings[name][1]), this.settings[name][2]);
        Object.assign(this.values, { first: within("first", x), second: within("second", -y) });
        this.update();
      };
      picture.onpointerdown = (event) => {
        if (!event.target.matches(".start")) return;
        picture.setPointerCapture(event.pointerId);
        picture.onpointermove = drag;
      };
      picture.onpointerup = () => { picture.onpointermove = null; };
      picture.onpointercancel = picture.onpointerup;
    }

    show() {
      const { first, second, rate, momentum, condition } = this.values, curvatures = [1, condition];
      const path = arithmetic.descent([first, second], curvatures, rate, momentum, STEPS);
      const roots = curvatures.map((curvature) => arithmetic.roots(curvature, rate, momentum));
      const sizes = roots.map((pair) => Math.max(...pair.map(([re, im]) => Math.hypot(re, im))));
      const ovals = LEVELS.map((level) => `<ellipse rx="${Math.sqrt(2 * level)}" ry="${Math.sqrt((2 * level) / condition)}"/>`).join("");
      const points = path.map(([x, y]) => `${Math.max(-99, Math.min(99, x))},${Math.max(-99, Math.min(99, -y))}`);
      const dots = points.slice(1).map((point) => `<circle cx="${point.split(",")[0]}" cy="${point.split(",")[1]}" r="0.05"/>`).join("");
      const marks = roots.map((pair, k) => pair.map(([re, im]) => `<circle class="${AXES[k]}" cx="${re}" cy="${-im}" r="0.06"/>`).join("")).join("");
      const said = sizes.map((size, k) => `${rounded(size)} times as large ${AXES[k]}`).join(", ");
      const worst = Math.max(...sizes);
      return {
        picture: `<svg viewBox="-5 -2 10 4" role="img" aria-label="The valley and the path"><g class="level">${ovals}</g><path class="level" d="M-.15 0h.3M0 -.15v.3"/><polyline points="${points.join(" ")}"/>${dots}<circle class="start" cx="${first}" cy="${-second}" r="0.22"/></svg>
          <svg viewBox="-1.3 -1.3 2.6 2.6" role="img" aria-label="The roots and the unit circle"><circle class="level" r="1"/><path class="level" d="M-1.3 0h2.6M0 -1.3v2.6"/>${marks}</svg>`,
        words: `in each step the error becomes ${said}: ${worst < 1 ? `a tenth of it is left after some ${Math.ceil(Math.log(0.1) / Math.log(worst))} steps` : "the ball does not arrive"}`,
      };
    }
  }
  customElements.define("momentum-explorer", MomentumExplorer);
}
