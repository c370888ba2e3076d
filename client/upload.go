package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"unicode"

	ht "github.com/ogen-go/ogen/http"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

const (
	// maxAvatar bounds a picture of a user. QueUp's own limit is not known.
	maxAvatar = 10 << 20
	// maxBackground is the largest picture of a room. Source: docs/PROTOCOL.md 2.12.
	maxBackground = 2 << 20
)

// UploadAvatar replaces the account's picture and returns its address, empty if QueUp does not say. name is the file name.
// The picture is read to its end and recognised by its content: a JPEG, PNG or BMP, or a GIF, which may be animated. ctx
// ends the reading between two calls of Read; it does not interrupt a Read that blocks.
//
// An empty name, and a picture that is empty, of another kind or larger than 10 MiB, is an [*ArgumentError], and nothing is
// sent. It is [ErrNotLoggedIn] if the client has since logged out or logged in to another account. A refusal by QueUp is an
// [*APIError]. Source: docs/PROTOCOL.md 2.12.
func (u AuthenticatedUser) UploadAvatar(ctx context.Context, name string, picture io.Reader) (string, error) {
	file, kind, err := readPicture(ctx, "AuthenticatedUser.UploadAvatar", name, picture, maxAvatar)
	if err != nil {
		return "", err
	}
	if err := u.current(); err != nil {
		return "", err
	}
	upload := u.client.uploadPicture
	if kind == "image/gif" {
		upload = u.client.uploadGIF
	}
	account, err := upload(ctx, name, kind, file)
	if err != nil {
		return "", err
	}
	address := pictureURL(account.ProfileImage)
	u.client.users.update(User{ID: u.ID, Avatar: address, client: u.client}, false)
	return address, nil
}

func (c *Client) uploadPicture(ctx context.Context, name, kind string, file []byte) (wire.User, error) {
	answer, err := c.rest.UploadUserImage(ctx, &queupapi.UserImageUploadMultipart{Image: part(name, kind, file)}, queupapi.WithEditRequest(inMemory))
	if err != nil {
		return wire.User{}, failed("uploadUserImage", err)
	}
	return answer.Data, nil
}

func (c *Client) uploadGIF(ctx context.Context, _, _ string, file []byte) (wire.User, error) {
	answer, err := c.rest.UploadUserGIF(ctx, &queupapi.UserGIFUpload{Image: base64.StdEncoding.EncodeToString(file), Type: "base64"})
	if err != nil {
		return wire.User{}, failed("uploadUserGIF", err)
	}
	return answer.Data, nil
}

// UploadBackground replaces the background picture of the room. The account must own the room; it need not be in it. name
// is the file name. The picture is read to its end, as by [AuthenticatedUser.UploadAvatar], and recognised by its content:
// a JPEG, PNG, GIF or BMP.
//
// An empty name, and a picture that is empty, of another kind or larger than 2 MiB, is an [*ArgumentError], and nothing is
// sent. A refusal by QueUp is an [*APIError]. Source: docs/PROTOCOL.md 2.12.
func (r *Room) UploadBackground(ctx context.Context, name string, picture io.Reader) error {
	file, kind, err := readPicture(ctx, "Room.UploadBackground", name, picture, maxBackground)
	if err != nil {
		return err
	}
	_, err = r.client.rest.UploadRoomImage(ctx, &queupapi.RoomImageUploadMultipart{Image: part(name, kind, file)},
		queupapi.UploadRoomImageParams{RoomID: r.id}, queupapi.WithEditRequest(inMemory))
	return failed("uploadRoomImage", err)
}

// untilOver is a reader that stops once a context has ended. It does not interrupt a Read in progress.
type untilOver struct {
	ctx    context.Context
	reader io.Reader
}

// Read implements io.Reader.
func (u untilOver) Read(b []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.reader.Read(b)
}

// readPicture reads a picture and returns its media type.
func readPicture(ctx context.Context, op, name string, picture io.Reader, most int) (file []byte, kind string, err error) {
	if strings.TrimSpace(name) == "" || strings.ContainsFunc(name, unicode.IsControl) {
		return nil, "", &ArgumentError{Op: op, Argument: "name", Reason: "must be the name of a file"}
	}
	if picture == nil {
		return nil, "", &ArgumentError{Op: op, Argument: "picture", Reason: "is nil"}
	}
	file, err = io.ReadAll(io.LimitReader(untilOver{ctx, picture}, int64(most)+1))
	if err != nil {
		return nil, "", &withinError{op, err}
	}
	kind = http.DetectContentType(file)
	switch {
	case len(file) == 0:
		err = &ArgumentError{Op: op, Argument: "picture", Reason: "is empty"}
	case len(file) > most:
		err = &ArgumentError{Op: op, Argument: "picture", Reason: fmt.Sprintf("is larger than %d MiB", most>>20)}
	case !slices.Contains([]string{"image/jpeg", "image/png", "image/gif", "image/bmp"}, kind):
		err = &ArgumentError{Op: op, Argument: "picture", Reason: "must be a JPEG, PNG, GIF or BMP"}
	}
	return file, kind, err
}

// part returns a file as a part of a form.
func part(name, kind string, file []byte) ht.MultipartFile {
	return ht.MultipartFile{
		Name:   name,
		File:   bytes.NewReader(file),
		Size:   int64(len(file)),
		Header: textproto.MIMEHeader{"Content-Type": {kind}},
	}
}

// inMemory reads the body of a request into memory, so that it has a length and can be sent again after a new login.
func inMemory(req *http.Request) error {
	body, err := io.ReadAll(req.Body)
	_ = req.Body.Close()
	if err != nil {
		return err
	}
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, err = req.GetBody()
	return err
}
