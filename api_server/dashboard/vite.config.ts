/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Where `npm run dev` finds a running API server.
const apiServer = process.env["TIPHYS_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  // Relative to <base href>, so a server may mount the dashboard below a path.
  base: "./",
  build: { target: "es2022", sourcemap: false, assetsInlineLimit: 0 },
  server: { proxy: { "/api": { target: apiServer, changeOrigin: true } } },
  test: { environment: "node", include: ["src/**/*.test.{ts,tsx}"] },
});
