#!/usr/bin/env node
import { ensureReady } from "./setup.js";

ensureReady();
await import("../dist/src/cli/main.js");
