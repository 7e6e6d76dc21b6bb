#pragma once

#if !defined(__cpp_exceptions)
#error "Tidewire needs exceptions: compile without -fno-exceptions (errors are values, but handlers and std may throw)"
#endif

/// TIDEWIRE_API marks what the shared library exports. Everything else is compiled with hidden
/// visibility: it does not appear in the dynamic symbol table and may change in any release.
///
/// Define TIDEWIRE_STATIC in a shared library, such as a plugin, that contains the static one: together with
/// -fvisibility=hidden and the linker's --exclude-libs it then exports nothing of Tidewire's.
#ifdef TIDEWIRE_STATIC
#define TIDEWIRE_API
#else
#define TIDEWIRE_API __attribute__((visibility("default")))
#endif
