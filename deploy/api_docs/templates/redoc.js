// A file of its own because the page's policy allows no script inside the page.
const fonts = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
Redoc.init(
  "../openapi.json",
  {
    expandResponses: "200,201",
    maxDisplayedEnumValues: 5,
    theme: { typography: { fontFamily: fonts, headings: { fontFamily: fonts } } },
  },
  document.getElementById("redoc"),
);
