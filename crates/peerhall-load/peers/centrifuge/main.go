// A pub/sub server on the Centrifuge library of Debian: it checks an HS256 token for every connection, lets
// everybody subscribe and publish, and has presence on.
//
//	centrifuge PORT
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/centrifugal/centrifuge"
)

// The key with which the load tool signs; it protects nothing.
const secret = "secret-of-the-bench"

func userOf(token string) (string, bool) {
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return "", false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(token[:dot]))
	given, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil || !hmac.Equal(mac.Sum(nil), given) {
		return "", false
	}
	_, claims, found := strings.Cut(token[:dot], ".")
	raw, err := base64.RawURLEncoding.DecodeString(claims)
	var body struct{ Sub string }
	if !found || err != nil || json.Unmarshal(raw, &body) != nil {
		return "", false
	}
	return body.Sub, true
}

func main() {
	config := centrifuge.DefaultConfig
	config.ClientChannelLimit = 128
	node, err := centrifuge.New(config)
	if err != nil {
		log.Fatal(err)
	}
	node.OnConnecting(func(_ context.Context, event centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		user, ok := userOf(event.Token)
		if !ok {
			return centrifuge.ConnectReply{}, centrifuge.DisconnectInvalidToken
		}
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{UserID: user}}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
			answer(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{Presence: true}}, nil)
		})
		client.OnPublish(func(_ centrifuge.PublishEvent, answer centrifuge.PublishCallback) {
			answer(centrifuge.PublishReply{}, nil)
		})
	})
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
	http.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{}))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
