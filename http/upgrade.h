#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/callback.h>
#include <tidewire/core/export.h>
#include <tidewire/transport/sessions.h>
#include <tidewire/transport/stream.h>

/// Handing a connection over to another protocol (RFC 9110 7.8).
///
/// A route registered with `Server::upgrade` gets requests that ask for its protocol. It answers like any
/// other handler, with a refusal, or with `Response::switch_protocols`, after which HTTP has ended here.
namespace tidewire::http {

/// The protocol that goes on where HTTP ended: the stream's next consumer.
class TIDEWIRE_API Successor : public transport::Consumer {
 public:
  /// The 101 (Switching Protocols) is written, and the stream calls this object from now on. `rest` is what
  /// the peer sent behind its request; often nothing.
  virtual void begin(MutableBytes rest) = 0;
};

/// Makes the successor, which owns the stream and itself from then on, and takes itself out of `sessions`
/// when it ends; it was put there in HTTP's place. Runs once the handler that switched has returned.
using SuccessorFactory = Callback<Successor*(transport::StreamPtr stream, transport::Sessions& sessions)>;

}  // namespace tidewire::http
