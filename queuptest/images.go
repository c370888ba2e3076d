package queuptest

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

const (
	maxPicture = 2 << 20

	textNoPicture  = "The file is not a picture"
	textNoGIF      = "The file is not a GIF"
	textBigPicture = "The file is larger than 2 MB"
	textNotOwner   = "Only the owner may change the picture"
)

// pictures are the kinds of pictures that may be uploaded, by media type.
var pictures = map[string]string{"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/bmp": "bmp"}

// imageURL is where a redirect to a picture leads. Nothing is there: the domain is reserved.
func imageURL(path string) string { return "https://" + inMemoryHost + "/" + path }

// newImage makes the record of a picture; nothing else is kept of it. The caller holds s.mu.
func (s *state) newImage(data []byte) (wire.ProfileImage, error) {
	format := pictures[http.DetectContentType(data)]
	switch {
	case format == "":
		return wire.ProfileImage{}, errorE2(http.StatusBadRequest, textNoPicture)
	case len(data) > maxPicture:
		return wire.ProfileImage{}, errorE2(http.StatusBadRequest, textBigPicture)
	}
	id := s.id(idPicture)
	return wire.ProfileImage{
		Key:          id,
		Version:      formatInt(int64(s.counters[idPicture])),
		Format:       format,
		ResourceType: "image",
		Bytes:        int64(len(data)),
		Type:         "upload",
		URL:          strings.Replace(imageURL("image/"+id+"."+format), "https:", "http:", 1),
		SecureURL:    imageURL("image/" + id + "." + format),
	}, nil
}

// setAvatar gives an account a picture, and tells the rooms where it is. The caller holds s.mu.
func (s *state) setAvatar(a *account, data []byte) error {
	image, err := s.newImage(data)
	if err != nil {
		return err
	}
	a.image = image
	e := &wire.UserImageUpdate{Subject: a.id, User: s.wireEventUser(a), Image: image}
	for _, r := range s.rooms {
		if r.present(a) != nil {
			s.emitTo(r.channel, e)
		}
	}
	return nil
}

// uploaded sets the caller's picture and answers with the account.
func (h *rest) uploaded(ctx context.Context, data []byte) (out wire.UserEnvelope, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := callOf(ctx).account
	if err := h.setAvatar(a, data); err != nil {
		return out, err
	}
	return wire.UserEnvelope{Envelope: success, Data: a.wireUser()}, nil
}

// UploadUserImage implements POST /user/image. That no file may be larger than a room's is an assumption.
func (h *rest) UploadUserImage(ctx context.Context, req *queupserver.UserImageUploadMultipart) (out wire.UserEnvelope, _ error) {
	data, err := io.ReadAll(req.Image.File)
	if err != nil {
		return out, errorE2(http.StatusBadRequest, err.Error())
	}
	return h.uploaded(ctx, data)
}

// UploadUserGIF implements POST /user/imagegif.
func (h *rest) UploadUserGIF(ctx context.Context, req *queupserver.UserGIFUpload) (out wire.UserEnvelope, _ error) {
	data, err := base64.StdEncoding.DecodeString(req.Image)
	if err != nil || req.Type != "base64" || http.DetectContentType(data) != "image/gif" {
		return out, errorE2(http.StatusBadRequest, textNoGIF)
	}
	return h.uploaded(ctx, data)
}

// UserImage implements GET /user/{userId}/image. That those without a picture have one that is everybody's is an assumption.
func (h *rest) UserImage(_ context.Context, params queupserver.UserImageParams) (*queupserver.Redirect, error) {
	return h.userImage(params.UserID, "")
}

// UserImageLarge implements GET /user/{userId}/image/large.
func (h *rest) UserImageLarge(_ context.Context, params queupserver.UserImageLargeParams) (*queupserver.Redirect, error) {
	return h.userImage(params.UserID, "?size=large")
}

func (h *rest) userImage(id wire.UserID, size string) (*queupserver.Redirect, error) {
	a, err := h.knownUser(id)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.image.IsZero() {
		return &queupserver.Redirect{Location: imageURL("image/user.png" + size)}, nil
	}
	return &queupserver.Redirect{Location: a.image.SecureURL + size}, nil
}

// UploadRoomImage implements POST /room/{roomId}/image.
func (h *rest) UploadRoomImage(ctx context.Context, req *queupserver.RoomImageUploadMultipart, params queupserver.UploadRoomImageParams) (*queupserver.DoneEnvelope, error) {
	r, err := h.known(params.RoomID)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(req.Image.File)
	if err != nil {
		return nil, errorE2(http.StatusBadRequest, err.Error())
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.owner != callOf(ctx).account {
		return nil, errorE2(http.StatusUnauthorized, textNotOwner)
	}
	image, err := h.newImage(data)
	if err != nil {
		return nil, err
	}
	h.site.backgrounds[r] = image
	h.emitTo(r.channel, &wire.RoomUpdate{Room: r.wireRoom()})
	return done(), nil
}

// RoomImage implements GET /room/{roomId}/image.
func (h *rest) RoomImage(_ context.Context, params queupserver.RoomImageParams) (*queupserver.Redirect, error) {
	return h.roomImage(params.RoomID, "")
}

// RoomThumbnail implements GET /room/{roomId}/image/thumbnail. That it is a redirect is an assumption.
func (h *rest) RoomThumbnail(_ context.Context, params queupserver.RoomThumbnailParams) (*queupserver.Redirect, error) {
	return h.roomImage(params.RoomID, "?size=thumbnail")
}

// RoomThumbnailSmall implements GET /room/{roomId}/image/thumbnail-small. That it is a redirect is an assumption.
func (h *rest) RoomThumbnailSmall(_ context.Context, params queupserver.RoomThumbnailSmallParams) (*queupserver.Redirect, error) {
	return h.roomImage(params.RoomID, "?size=thumbnail-small")
}

func (h *rest) roomImage(id wire.RoomID, size string) (*queupserver.Redirect, error) {
	r, err := h.known(id)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if image, ok := h.site.backgrounds[r]; ok {
		return &queupserver.Redirect{Location: image.SecureURL + size}, nil
	}
	return &queupserver.Redirect{Location: imageURL("image/room.png" + size)}, nil
}
