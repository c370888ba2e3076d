package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/queup-go/queup/tools/bench/internal/probe"
)

// hand joins a room by hand: the requests and frames that package client sends, with net/http, encoding/json and gorilla.
type hand struct {
	config probe.Config
	http   *http.Client
}

func newHand(c probe.Config) (*hand, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &hand{config: c, http: &http.Client{Jar: jar}}, nil
}

// ask sends one request and decodes data of the answer.
func ask[T any](ctx context.Context, h *hand, method, path string, form url.Values) (T, error) {
	var answer envelope[T]
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, h.config.URL+path, body)
	if err != nil {
		return answer.Data, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := h.http.Do(req)
	if err != nil {
		return answer.Data, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer.Data, err
	}
	if resp.StatusCode != http.StatusOK {
		return answer.Data, fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return answer.Data, json.Unmarshal(text, &answer)
}

// load is ask for what needs no body.
func load[T any](ctx context.Context, h *hand, path string) (data T, err error) {
	return ask[T](ctx, h, http.MethodGet, path, nil)
}

func (h *hand) login(ctx context.Context) (user, error) {
	form := url.Values{"username": {h.config.User}, "password": {h.config.Password}}
	if _, err := ask[struct{}](ctx, h, http.MethodPost, "/auth/login", form); err != nil {
		return user{}, err
	}
	return ask[user](ctx, h, http.MethodGet, "/auth/session", nil)
}

// connect logs in and opens the websocket with the account's own channel.
func (h *hand) connect(ctx context.Context) (*websocket.Conn, error) {
	me, err := h.login(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := load[[]json.RawMessage](ctx, h, "/message"); err != nil {
		return nil, err
	}
	key, err := ask[token](ctx, h, http.MethodGet, "/auth/token", nil)
	if err != nil {
		return nil, err
	}
	query := url.Values{"EIO": {"3"}, "access_token": {key.Token}, "connect": {"1"}, "transport": {"websocket"}}
	conn, resp, err := websocket.DefaultDialer.DialContext(ctx, h.config.Realtime+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close() // empty, as gorilla says
	return conn, errors.Join(expect(conn, `0{`), expect(conn, `"action":4`), h.attach(conn, "user:"+me.ID))
}

func (h *hand) attach(conn *websocket.Conn, channel string) error {
	return errors.Join(send(conn, `4{"action":10,"channel":"`+channel+`"}`), expect(conn, `"action":11`))
}

func send(conn *websocket.Conn, packet string) error {
	return conn.WriteMessage(websocket.TextMessage, []byte(packet))
}

// maxOthers is how many other frames may come before the expected one.
const maxOthers = 20

func expect(conn *websocket.Conn, part string) error {
	for range maxOthers {
		_, packet, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		if strings.Contains(string(packet), part) {
			return nil
		}
	}
	return fmt.Errorf("no frame with %s among %d", part, maxOthers)
}

// join joins the room and reads its state, at once where package client does.
func (h *hand) join(ctx context.Context, conn *websocket.Conn) error {
	about, err := load[room[user]](ctx, h, "/room/"+url.PathEscape(h.config.Room))
	if err != nil {
		return err
	}
	path := "/room/" + about.ID
	if _, err := ask[joined](ctx, h, http.MethodPost, path+"/users", nil); err != nil {
		return err
	}
	channel := "room:" + about.ID
	if err := h.attach(conn, channel); err != nil {
		return err
	}
	if err := send(conn, `4{"action":14,"channel":"`+channel+`","presence":{"action":0,"data":{}}}`); err != nil {
		return err
	}
	if err := expect(conn, `"action":14`); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(loadsAtOnce)
	g.Go(func() error { return discard(load[[]member[user, role]](ctx, h, path+"/users")) })
	g.Go(func() error { return discard(load[active](ctx, h, path+"/playlist/active")) })
	g.Go(func() error { return discard(load[roles](ctx, h, path+"/roles")) })
	g.Go(func() error { return discard(load[dubs](ctx, h, path+"/playlist/active/dubs")) })
	g.Go(func() error { return discard(load[[]chatMessage](ctx, h, "/chat/"+about.ID)) })
	g.Go(func() error { return h.queue(ctx, path) })
	return g.Wait()
}

// Of what is loaded, package client has so many requests in flight.
const loadsAtOnce = 5

func discard[T any](_ T, err error) error { return err }

// queue reads the queue and the media in it.
func (h *hand) queue(ctx context.Context, path string) error {
	plays, err := load[[]play[user]](ctx, h, path+"/playlist/details")
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(loadsAtOnce)
	asked := map[string]bool{}
	for _, p := range plays {
		if !asked[p.SongID] {
			asked[p.SongID] = true
			g.Go(func() error { return discard(load[song](ctx, h, "/song/"+p.SongID)) })
		}
	}
	return g.Wait()
}

// call reads the room over and over.
func (h *hand) call(ctx context.Context) error {
	if _, err := h.login(ctx); err != nil {
		return err
	}
	return probe.Calls(h.config.Calls, func() error {
		about, err := ask[room[user]](ctx, h, http.MethodGet, "/room/"+url.PathEscape(h.config.Room), nil)
		if err == nil && about.ID == "" {
			err = errors.New("the answer holds no room")
		}
		return err
	})
}

// patience is how long the whole run may take, as for the subject.
const patience = 2 * time.Minute
