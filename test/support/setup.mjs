// This file is loaded anew before each test file; what it imports only once in a process.
import './typescript.mjs';
