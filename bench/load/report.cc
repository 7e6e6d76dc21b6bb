#include <tidewire/bench/report.h>
#include <chrono>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>

namespace tidewire::bench {
namespace {

double per_connection(std::size_t before, std::size_t after, std::size_t connections) {
  return (static_cast<double>(after) - static_cast<double>(before)) / static_cast<double>(connections);
}

double share(std::chrono::nanoseconds part, std::chrono::nanoseconds whole) {
  return static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

double replies_per_second(const Window& window) {
  return static_cast<double>(window.replies) / std::chrono::duration<double>(window.elapsed).count();
}

double per_message(std::chrono::nanoseconds time, const Window& window) {
  return static_cast<double>(time.count()) / static_cast<double>(window.replies);
}

struct Shares {
  double running;
  double waiting;
  [[nodiscard]] bool saturated() const { return running + waiting >= saturated_share; }
  [[nodiscard]] bool disturbed() const { return waiting > disturbed_share; }
};

Shares shares(const CpuUse& use, const Window& window) {
  return {share(use.running, window.elapsed), share(use.waiting, window.elapsed)};
}

void print_shares(std::ostream& out, const char* who, const Shares& shares) {
  out << "  " << who << ": at " << shares.running * 100 << "% of a core, waited for it " << shares.waiting * 100
      << "% of the time\n";
}

}  // namespace

void print(std::ostream& out, const TrafficReport& report) {
  const Window& window = report.window;
  out << std::fixed << std::setprecision(0);
  out << report.workload << ": " << report.connections << " connections, " << report.depth << " deep, requests of "
      << report.request_bytes << " bytes, replies of " << report.reply_bytes << " bytes\n";
  out << "  " << replies_per_second(window) << " messages/s, " << window.replies << " in "
      << std::chrono::duration<double, std::milli>(window.elapsed).count() << " ms\n";
  const Shares load = shares(window.load, window);
  print_shares(out, "load", load);
  if (!window.server) {
    out << "  the server's CPU time needs --pid\n";
    return;
  }
  const Shares server = shares(*window.server, window);
  print_shares(out, "server", server);
  out << std::setprecision(1) << "  " << per_message(window.server->running, window)
      << " ns of the server's CPU per message\n";
  if (!server.saturated()) {
    out << "  warning: the server was not saturated; its time per message includes waiting and waking\n";
  }
  if (server.disturbed() || load.disturbed()) {
    out << "  warning: other processes used the same cores; the figures are noisy\n";
  }
}

void print(std::ostream& out, const IdleReport& report) {
  const auto line = [&](const char* what, std::size_t before, std::size_t after) {
    out << "  " << what << ": " << per_connection(before, after, report.connections) << " bytes a connection ("
        << before / 1024 << " KiB before, " << after / 1024 << " KiB after)\n";
  };
  out << std::fixed << std::setprecision(0) << "idle: " << report.connections << " connections\n";
  line("resident", report.before.resident, report.after.resident);
  line("anonymous", report.before.anonymous, report.after.anonymous);
}

void print_json(std::ostream& out, const TrafficReport& report) {
  const Window& window = report.window;
  const Shares load = shares(window.load, window);
  nlohmann::ordered_json json = {
      {"workload", report.workload},
      {"connections", report.connections},
      {"depth", report.depth},
      {"request_bytes", report.request_bytes},
      {"reply_bytes", report.reply_bytes},
      {"messages", window.replies},
      {"elapsed_ns", window.elapsed.count()},
      {"messages_per_second", replies_per_second(window)},
      {"load_cpu_share", load.running},
      {"load_wait_share", load.waiting},
  };
  if (window.server) {
    const Shares server = shares(*window.server, window);
    json["server_cpu_ns_per_message"] = per_message(window.server->running, window);
    json["server_cpu_share"] = server.running;
    json["server_wait_share"] = server.waiting;
    json["server_saturated"] = server.saturated();
    json["disturbed"] = server.disturbed() || load.disturbed();
  }
  out << json.dump() << '\n';
}

void print_json(std::ostream& out, const IdleReport& report) {
  const nlohmann::ordered_json json = {
      {"workload", "idle"},
      {"connections", report.connections},
      {"resident_bytes_per_connection",
       per_connection(report.before.resident, report.after.resident, report.connections)},
      {"anonymous_bytes_per_connection",
       per_connection(report.before.anonymous, report.after.anonymous, report.connections)},
  };
  out << json.dump() << '\n';
}

}  // namespace tidewire::bench
