# The cluster's own authority and what it signs; to be sourced after env.sh. What exists is kept.

sign() { # sign NAME SUBJECT EXTENSIONS: a key and a certificate of the cluster's authority
  [ -s "$PKI/$1.crt" ] && return 0
  openssl req -new -newkey rsa:2048 -nodes -keyout "$PKI/$1.key" -subj "$2" -out "$PKI/$1.csr" 2>/dev/null &&
    openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial -days 3650 \
      -extfile <(printf 'keyUsage=critical,digitalSignature,keyEncipherment\n%s\n' "$3") -out "$PKI/$1.crt" 2>/dev/null
}

make_certificates() {
  mkdir -p -m 700 "$PKI"
  [ -s "$PKI/ca.crt" ] || openssl req -x509 -newkey rsa:2048 -nodes -keyout "$PKI/ca.key" -subj "/CN=kubernetes-$NAME" -days 3650 \
    -addext keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign -out "$PKI/ca.crt" 2>/dev/null || return 1
  [ -s "$PKI/service-accounts.key" ] || openssl genrsa -out "$PKI/service-accounts.key" 2048 2>/dev/null || return 1
  sign apiserver /CN=kube-apiserver "extendedKeyUsage=serverAuth
subjectAltName=IP:127.0.0.1,DNS:localhost,IP:$SERVICES.1,DNS:kubernetes.default.svc" &&
    sign admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth
}

write_kubeconfig() { # for the administrator: context NAME by certificate, NAME-token by token
  printf 'admin-token,admin,admin,"system:masters"\n' >"$ETC/tokens.csv"
  (umask 077; cat >"$STATE/kubeconfig" <<K
apiVersion: v1
kind: Config
clusters:
- {name: $NAME, cluster: {server: "https://127.0.0.1:$PORT", certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")}}
users:
- {name: admin, user: {client-certificate-data: $(base64 -w0 "$PKI/admin.crt"), client-key-data: $(base64 -w0 "$PKI/admin.key")}}
- {name: admin-token, user: {token: admin-token}}
contexts:
- {name: $NAME, context: {cluster: $NAME, user: admin}}
- {name: $NAME-token, context: {cluster: $NAME, user: admin-token}}
current-context: $NAME
K
  )
}
