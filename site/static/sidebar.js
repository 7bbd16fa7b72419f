// Shows where the reader is: scrolls the list of all pages to this one.

const here = document.querySelector(".sidebar-tree .current-page");
const pane = here?.closest(".sidebar-scroll");
if (pane) {
  const distance = here.getBoundingClientRect().top - pane.getBoundingClientRect().top;
  pane.scrollTo({ top: distance - pane.clientHeight / 2, behavior: "instant" });
}
