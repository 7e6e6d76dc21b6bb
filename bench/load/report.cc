#include <tidewire/bench/report.h>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>

namespace tidewire::bench {
namespace {

/// Sent later than this, messages say more about this process than about the server.
constexpr std::chrono::nanoseconds late_limit = std::chrono::milliseconds(1);
constexpr double kept_up_share = 0.98;

double per_connection(std::size_t before, std::size_t after, std::size_t connections) {
  return (static_cast<double>(after) - static_cast<double>(before)) / static_cast<double>(connections);
}

double share(std::chrono::nanoseconds part, std::chrono::nanoseconds whole) {
  return static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

double messages_per_second(const Window& window) {
  return static_cast<double>(window.messages) / std::chrono::duration<double>(window.elapsed).count();
}

double per_message(std::chrono::nanoseconds time, const Window& window) {
  return static_cast<double>(time.count()) / static_cast<double>(window.messages);
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

double microseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1000; }

void print_latency(std::ostream& out, const Histogram& latency) {
  const auto at = [&](double quantile) { return microseconds(latency.value_at_quantile(quantile)); };
  out << std::setprecision(1) << "  latency: median " << at(0.5) << " us, 90% " << at(0.9) << " us, 99% " << at(0.99)
      << " us, 99.9% " << at(0.999) << " us, at most " << microseconds(latency.max()) << " us\n"
      << std::setprecision(0);
}

void print_paced(std::ostream& out, const PacedOutcome& paced, const Window& window) {
  out << std::setprecision(1) << "  sent " << microseconds(static_cast<std::uint64_t>(paced.late_median.count()))
      << " us late in the median, 99% " << microseconds(static_cast<std::uint64_t>(paced.late_p99.count())) << " us\n"
      << std::setprecision(0);
  if (paced.late_p99 > late_limit) out << "  warning: the load generator was late; latency includes that\n";
  if (paced.unanswered > 0) {
    out << "  warning: " << paced.unanswered << " messages had no answer at the end; latency counts what they waited\n";
  }
  if (messages_per_second(window) < paced.rate * kept_up_share) {
    out << "  warning: the server did not keep up with " << paced.rate << " messages/s\n";
  }
}

/// From the minimum by equal factors of what lies above, 1 to 1 in 10,000, and then the maximum.
nlohmann::ordered_json latency_curve(const Histogram& latency) {
  constexpr int steps = 39;
  auto curve = nlohmann::ordered_json::array();
  for (int step = 0; step <= steps; ++step) {
    const double quantile = step == steps ? 1.0 : 1.0 - std::pow(10.0, -4.0 * step / (steps - 1));
    curve.push_back({quantile, latency.value_at_quantile(quantile)});
  }
  return curve;
}

nlohmann::ordered_json latency_json(const Histogram& latency) {
  return {{"count", latency.count()},
          {"p50_ns", latency.value_at_quantile(0.5)},
          {"p90_ns", latency.value_at_quantile(0.9)},
          {"p99_ns", latency.value_at_quantile(0.99)},
          {"p999_ns", latency.value_at_quantile(0.999)},
          {"max_ns", latency.max()},
          {"curve", latency_curve(latency)}};
}

/// How long replies are for what zlib makes of the same text.
double times_zlib(const DeflateOutcome& deflate) { return deflate.reply_bytes / deflate.zlib_bytes; }

void print(std::ostream& out, const DeflateOutcome& deflate) {
  out << std::setprecision(1) << "  compressed from " << deflate.text_bytes << " bytes: requests to "
      << deflate.request_bytes << ", replies to " << deflate.reply_bytes << std::setprecision(3) << ", which is "
      << times_zlib(deflate) << " times what zlib makes of them at level 6\n"
      << std::setprecision(0) << "  agreed: " << deflate.extension << '\n';
}

void print(std::ostream& out, const TlsAgreement& tls) {
  out << "  " << tls.version << ", " << tls.cipher << (tls.resumed ? ", sessions resumed" : "") << '\n';
}

nlohmann::ordered_json tls_json(const TlsAgreement& tls) {
  return {{"version", tls.version}, {"cipher", tls.cipher}, {"resumed", tls.resumed}};
}

}  // namespace

void print(std::ostream& out, const SlowOutcome& slow) {
  out << "  " << slow.connections << " slow connections, of which the server closed " << slow.closed
      << ", did not read " << slow.held << " times and then got " << slow.messages << " messages\n";
}

void print(std::ostream& out, const TrafficReport& report) {
  const Window& window = report.window;
  out << std::fixed << std::setprecision(0);
  out << report.workload << ": " << report.connections << " connections, " << report.depth << " deep, requests of "
      << report.request_bytes << " bytes, replies of " << report.reply_bytes << " bytes\n";
  out << "  " << messages_per_second(window) << " " << report.message << "/s, " << window.messages << " in "
      << std::chrono::duration<double, std::milli>(window.elapsed).count() << " ms\n";
  if (report.tls) print(out, *report.tls);
  if (report.deflate) print(out, *report.deflate);
  print_latency(out, *report.latency);
  const Shares load = shares(window.load, window);
  print_shares(out, "load", load);
  std::optional<Shares> server;
  if (window.server) {
    server = shares(*window.server, window);
    print_shares(out, "server", *server);
    out << std::setprecision(1) << "  " << per_message(window.server->running, window)
        << " ns of the server's CPU per message\n";
  } else {
    out << "  the server's CPU time needs --pid\n";
  }
  if (report.slow) print(out, *report.slow);
  if (report.paced) {
    print_paced(out, *report.paced, window);
  } else if (server && !server->saturated()) {
    out << "  warning: the server was not saturated; its time per message includes waiting and waking\n";
    if (load.saturated()) out << "  warning: the load generator was the limit\n";
  }
  if (load.disturbed() || (server && server->disturbed())) {
    out << "  warning: other processes used the same cores; the figures are noisy\n";
  }
}

void print(std::ostream& out, const IdleReport& report) {
  const std::string echoes = report.echoes == 1 ? "an echo" : std::to_string(report.echoes) + " echoes";
  const auto line = [&](const std::string& what, std::size_t before, std::size_t after) {
    out << "  " << what << ": " << per_connection(before, after, report.connections) << " bytes a connection ("
        << before / 1024 << " KiB before, " << after / 1024 << " KiB after)\n";
  };
  out << std::fixed << std::setprecision(0) << "idle: " << report.connections << " connections\n";
  if (report.tls) print(out, *report.tls);
  line("resident", report.before.resident, report.after.resident);
  line("anonymous", report.before.anonymous, report.after.anonymous);
  line("resident, after " + echoes, report.before.resident, report.after_echoes.resident);
  line("anonymous, after " + echoes, report.before.anonymous, report.after_echoes.anonymous);
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
      {"messages", window.messages},
      {"elapsed_ns", window.elapsed.count()},
      {"messages_per_second", messages_per_second(window)},
      {"load_cpu_share", load.running},
      {"load_wait_share", load.waiting},
  };
  if (window.server) {
    const Shares server = shares(*window.server, window);
    json["server_cpu_ns_per_message"] = per_message(window.server->running, window);
    json["server_cpu_share"] = server.running;
    json["server_wait_share"] = server.waiting;
    if (!report.paced) {
      json["server_saturated"] = server.saturated();
      json["load_limited"] = !server.saturated() && load.saturated();
    }
    json["disturbed"] = server.disturbed() || load.disturbed();
  }
  json["latency"] = latency_json(*report.latency);
  if (report.tls) json["tls"] = tls_json(*report.tls);
  if (report.deflate) {
    json["deflate"] = {
        {"extension", report.deflate->extension},         {"text_bytes", report.deflate->text_bytes},
        {"request_bytes", report.deflate->request_bytes}, {"reply_bytes", report.deflate->reply_bytes},
        {"zlib_bytes", report.deflate->zlib_bytes},       {"reply_to_zlib", times_zlib(*report.deflate)}};
  }
  if (report.paced) {
    json["rate"] = report.paced->rate;
    json["sent_late_p50_ns"] = report.paced->late_median.count();
    json["sent_late_p99_ns"] = report.paced->late_p99.count();
    json["unanswered"] = report.paced->unanswered;
  }
  if (report.slow) {
    json["slow"] = {{"connections", report.slow->connections},
                    {"closed", report.slow->closed},
                    {"held", report.slow->held},
                    {"messages", report.slow->messages}};
  }
  out << json.dump() << '\n';
}

void print_json(std::ostream& out, const IdleReport& report) {
  nlohmann::ordered_json json = {
      {"workload", "idle"},
      {"connections", report.connections},
      {"resident_bytes_per_connection",
       per_connection(report.before.resident, report.after.resident, report.connections)},
      {"anonymous_bytes_per_connection",
       per_connection(report.before.anonymous, report.after.anonymous, report.connections)},
      {"echoes", report.echoes},
      {"resident_bytes_per_connection_after_echoes",
       per_connection(report.before.resident, report.after_echoes.resident, report.connections)},
      {"anonymous_bytes_per_connection_after_echoes",
       per_connection(report.before.anonymous, report.after_echoes.anonymous, report.connections)},
  };
  if (report.tls) json["tls"] = tls_json(*report.tls);
  out << json.dump() << '\n';
}

}  // namespace tidewire::bench
