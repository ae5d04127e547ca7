// A table that is wider than the page scrolls in a region of its own, which the keyboard reaches only with a tab index.
addEventListener("load", () => {
  for (const region of document.querySelectorAll(".md-typeset__scrollwrap")) {
    if (region.scrollWidth > region.clientWidth) region.tabIndex = 0;
  }
});
