// A file of its own because the page's policy allows no script inside the page.
window.ui = SwaggerUIBundle({
  url: "../openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // The default sends the document to a validator on the internet.
  validatorUrl: null,
});
