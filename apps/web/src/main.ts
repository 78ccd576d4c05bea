import { mount } from "svelte";
import App from "./App.svelte";
import "./style.css";

mount(App, { target: document.getElementById("app") as HTMLElement });
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  // without it everything works but being offline
  navigator.serviceWorker.register("service-worker.js").catch(() => {});
}
