#include <tidewire/http/connection.h>
#include <tidewire/http/deferred.h>
#include <atomic>
#include <string>

namespace tidewire::http {

struct Deferred::Claim {
  Claim(LoopRemote to, std::shared_ptr<Ticket> with) : loop(std::move(to)), ticket(std::move(with)) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    try {
      loop.post_past_limits([dropped = ticket] {
        // The handler may have made another promise meanwhile.
        if (dropped->connection != nullptr && dropped->claim.expired()) dropped->connection->promise_dropped();
      });
    } catch (const std::bad_alloc&) {
      // The client waits in vain, and closes.
      return;
    }
  }

  LoopRemote loop;
  std::shared_ptr<Ticket> ticket;
  std::atomic<unsigned> posted{0};  // Calls of `run` that the loop has not taken up.
};

Deferred Connection::defer() {
  Exchange& exchange = *exchange_;
  // The handler may have ended the connection, or even the server, before it asked.
  Connection* const answerable = phase_ == Phase::closed ? nullptr : this;
  if (!exchange.ticket) exchange.ticket = std::make_shared<Ticket>(Ticket{.connection = answerable, .claim = {}});
  auto claim = exchange.ticket->claim.lock();
  if (!claim) {
    claim = std::make_shared<Deferred::Claim>(stream_->loop().remote(), exchange.ticket);
    exchange.ticket->claim = claim;
  }
  exchange.response.deferred_ = true;
  return Deferred(std::move(claim));
}

bool Deferred::send(Status status, std::string_view text) const {
  return static_cast<bool>(
      run([status, body = std::string(text)](Response& response) { response.send(status, body); }, text.size()));
}

PostStatus Deferred::run(Callback<void(Response&)> answer, std::size_t bytes) const {
  if (claim_->loop.in_thread()) {
    if (Connection* connection = claim_->ticket->connection) connection->run(answer);
    return PostStatus::taken;
  }
  Task task([claim = claim_, answer = std::move(answer)]() mutable {
    --claim->posted;
    if (Connection* connection = claim->ticket->connection) connection->run(answer);
  });
  // One is taken in any case, for there are no more of them than of requests: an answer must not get lost.
  const bool first = claim_->posted++ == 0;
  const PostStatus status =
      first ? claim_->loop.post_past_limits(std::move(task)) : claim_->loop.post(std::move(task), bytes);
  if (!status) --claim_->posted;
  return status;
}

void Connection::promise_dropped() {
  if (phase_ != Phase::answering) return;
  exchange_->response.deferred_ = false;
  call("deferred answer", [](Response&) {});
}

}  // namespace tidewire::http
