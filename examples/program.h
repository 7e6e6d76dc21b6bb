#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

/// How the programs here begin and end: a bad flag is one line and status 2, what fails later one line and status 1.
namespace tidewire::examples {

template <class Serve>
int run_program(CLI::App& app, int argc, char** argv, Serve serve) {
  try {
    app.parse(argc, argv);
    return serve();
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& wrong) {
    std::fprintf(stderr, "%s: %s (see --help)\n", app.get_name().c_str(), wrong.what());
    return 2;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), failure.what());
    return 1;
  }
}

}  // namespace tidewire::examples
