package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	product = "stytch-operator"
	source  = "https://github.com/stytch-operator/stytch-operator"
	license = "Apache-2.0"

	program = "manager"
	// Go reads the first of several files, and this is the last of them; and it reads every file in /etc/ssl/certs. So here, and not there,
	// a bundle that SSL_CERT_FILE names, or that is mounted as /etc/ssl/certs/ca-certificates.crt, is used instead of this one.
	rootsFile    = "etc/ssl/cert.pem"
	documentFile = "usr/share/sbom/" + product + ".spdx.json"

	// By number: there is no /etc/passwd, and Kubernetes checks runAsNonRoot by number only.
	user = "65532:65532"
)

// image is an image for one platform, and the SPDX document that is in it.
type image struct {
	v1.Image
	platform v1.Platform
	document []byte
}

// image packs a manager. Its platform is that of the binary, as the binary's own build information says.
func (r release) image(file string) (image, error) {
	binary, err := os.ReadFile(file) //nolint:gosec // the caller says which
	if err != nil {
		return image{}, err
	}
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		return image{}, fmt.Errorf("reading the build information of %s: %w", file, err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	var i image
	if i.platform, err = platformOf(settings); err != nil {
		return image{}, fmt.Errorf("%s: %w", file, err)
	}
	if i.document, err = r.document(binary, info, i.platform); err != nil {
		return image{}, fmt.Errorf("describing %s: %w", file, err)
	}
	if i.Image, err = r.assemble(binary, i.document, i.platform); err != nil {
		return image{}, fmt.Errorf("packing %s: %w", file, err)
	}
	return i, nil
}

// platformOf is what a binary with these build settings runs on.
func platformOf(settings map[string]string) (v1.Platform, error) {
	p := v1.Platform{OS: settings["GOOS"], Architecture: settings["GOARCH"]}
	if p.OS != "linux" || settings["CGO_ENABLED"] != "0" {
		return p, fmt.Errorf("built with GOOS=%s CGO_ENABLED=%s, but must be a static binary for Linux: use GOOS=linux CGO_ENABLED=0",
			p.OS, settings["CGO_ENABLED"])
	}
	return p, nil
}

// assemble makes the image. What seldom changes is a layer of its own, which registries and nodes keep.
func (r release) assemble(binary, document []byte, platform v1.Platform) (v1.Image, error) {
	base, err := r.layer(map[string]content{rootsFile: {roots(), 0o644}})
	if err != nil {
		return nil, err
	}
	top, err := r.layer(map[string]content{program: {binary, 0o755}, documentFile: {document, 0o644}})
	if err != nil {
		return nil, err
	}
	i, err := mutate.ConfigFile(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Created: v1.Time{Time: r.created}, RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{Entrypoint: []string{"/" + program}, User: user, WorkingDir: "/", Labels: r.annotations()},
	})
	if err != nil {
		return nil, err
	}
	i, err = mutate.Append(i, r.addendum(base, "Mozilla's root certificates"), r.addendum(top, "the manager and its SPDX document"))
	if err != nil {
		return nil, err
	}
	return mutate.Annotations(i, r.annotations()).(v1.Image), nil //nolint:forcetypeassert // the type of what goes in is the type of what comes out
}

func (r release) addendum(layer v1.Layer, comment string) mutate.Addendum {
	return mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: r.created}, CreatedBy: "make image", Comment: comment}}
}

// annotations are the labels of each image too: some tools show the ones, and some the others.
func (r release) annotations() map[string]string {
	const prefix = "org.opencontainers.image."
	all := map[string]string{
		prefix + "title":       product,
		prefix + "description": "Manages the SSO and SCIM connections of a Stytch B2B project from Kubernetes manifests",
		prefix + "version":     r.version,
		prefix + "source":      source,
		prefix + "licenses":    license,
		prefix + "created":     r.created.Format(time.RFC3339),
	}
	if r.revision != "" {
		all[prefix+"revision"] = r.revision
	}
	return all
}

// index lists the images by their platforms.
func (r release) index(images []image) (v1.ImageIndex, error) {
	slices.SortFunc(images, func(a, b image) int { return strings.Compare(a.platform.String(), b.platform.String()) })
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	seen := map[string]bool{}
	for _, i := range images {
		if seen[i.platform.String()] {
			return nil, fmt.Errorf("two binaries are for %s", i.platform)
		}
		seen[i.platform.String()] = true
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: i.Image, Descriptor: v1.Descriptor{Platform: &i.platform}})
	}
	return mutate.Annotations(index, r.annotations()).(v1.ImageIndex), nil //nolint:forcetypeassert // as in assemble
}

// content is a file of an image.
type content struct {
	text []byte
	mode int64
}

// layer holds these files, with the directories above them.
func (r release) layer(files map[string]content) (v1.Layer, error) {
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	made := map[string]bool{}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		for end, letter := range file {
			if dir := file[:end] + "/"; letter == '/' && !made[dir] {
				made[dir] = true
				if err := r.entry(w, dir, content{mode: 0o755}); err != nil {
					return nil, err
				}
			}
		}
		if err := r.entry(w, file, files[file]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.BestCompression), tarball.WithCompressedCaching)
}

// entry adds a file of root's to a tar; the name of a directory ends in a slash.
func (r release) entry(w *tar.Writer, name string, c content) error {
	h := &tar.Header{Name: name, Mode: c.mode, Size: int64(len(c.text)), ModTime: r.created, Format: tar.FormatUSTAR}
	if name[len(name)-1] == '/' {
		h.Typeflag = tar.TypeDir
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(c.text)
	return err
}
