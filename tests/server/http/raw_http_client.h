// SPDX-License-Identifier: Apache-2.0
//
// Speaks to an HTTP server on this machine byte by byte, so that tests can send
// what no HTTP library would.

#ifndef CAROUSEL_TESTS_SERVER_HTTP_RAW_HTTP_CLIENT_H_
#define CAROUSEL_TESTS_SERVER_HTTP_RAW_HTTP_CLIENT_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <string>

namespace carousel {

// A connection that sends bytes as they are.
class RawHttpClient {
 public:
  explicit RawHttpClient(int port) {
    socket_.connect({boost::asio::ip::address_v4::loopback(),
                     static_cast<unsigned short>(port)});
  }

  void Send(const std::string& bytes) {
    boost::system::error_code ignored;  // the server may have closed already
    boost::asio::write(socket_, boost::asio::buffer(bytes), ignored);
  }

  void CloseSending() {
    boost::system::error_code ignored;
    socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  }

  // Everything until the server closes.
  std::string ReadAll() {
    std::string text;
    boost::system::error_code end;
    boost::asio::read(socket_, boost::asio::dynamic_buffer(text), end);
    return text;
  }

  // Up to and with `mark`.
  std::string ReadUntil(const std::string& mark) {
    std::string text;
    boost::system::error_code error;
    const size_t size = boost::asio::read_until(
        socket_, boost::asio::dynamic_buffer(text), mark, error);
    return text.substr(0, size);
  }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_{io_};
};

// The whole answer to GET `path`.
inline std::string HttpGet(int port, const std::string& path) {
  RawHttpClient client(port);
  client.Send("GET " + path + " HTTP/1.0\r\n\r\n");
  return client.ReadAll();
}

}  // namespace carousel

#endif  // CAROUSEL_TESTS_SERVER_HTTP_RAW_HTTP_CLIENT_H_
