#pragma once

/// TIDEWIRE_API marks what the shared library exports. Everything else is compiled with hidden
/// visibility: it does not appear in the dynamic symbol table and may change in any release.
#define TIDEWIRE_API __attribute__((visibility("default")))
