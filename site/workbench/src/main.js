// Fills each <div class="workbench"> of a page. Reading needs none of this.

import { Bench } from "./bench.js";
import { makeRunnable } from "./examples.js";
import { keepForOffline, offerWhole } from "./offline.js";
import { showProgress } from "./progress.js";

for (const element of document.querySelectorAll("div.workbench")) {
  const { step, index, column } = element.dataset;
  if (step) new Bench(element, Number(step));
  if (index !== undefined) {
    showProgress(element);
    offerWhole(element);
  }
  if (column !== undefined) makeRunnable();
}
keepForOffline();
