const CNI_PLUGINS_VERSION = 'v1.6.2';

/**
 * Shell: upstream's static binaries. The Kubernetes rpm packages put files below /opt, which an ostree system cannot
 * layer everywhere, and layering would cost a reboot; containerd is part of Fedora CoreOS.
 */
export const INSTALL_FEDORA_COREOS = `
install_kubelet_units() {
  if systemctl cat kubelet.service >/dev/null 2>&1; then return 0; fi
  mkdir -p /etc/systemd/system/kubelet.service.d
  cat >/etc/systemd/system/kubelet.service <<'UNIT'
[Unit]
Description=kubelet: The Kubernetes Node Agent
Wants=network-online.target
After=network-online.target containerd.service

[Service]
ExecStart=/usr/local/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
UNIT
  cat >/etc/systemd/system/kubelet.service.d/10-kubeadm.conf <<'UNIT'
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS
UNIT
}

install_packages() {
  local arch tool plugins crictl
  # kube-proxy brings its own conntrack.
  KUBEADM_IGNORED=FileExisting-conntrack
  # Upstream's containers of the control plane carry no SELinux policy; kubeadm's own instructions say permissive.
  if [ "$(getenforce)" = Enforcing ]; then setenforce 0; fi
  sed -i 's/^SELINUX=enforcing/SELINUX=permissive/' /etc/selinux/config
  case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) echo "no Kubernetes binaries for $(uname -m)"; return 1 ;;
  esac
  mkdir -p /opt/cni/bin
  if ! kubernetes_installed; then
    for tool in "\${TOOLS[@]}"; do
      download "$KUBERNETES_DOWNLOADS/release/$KUBE_VERSION/bin/linux/$arch/$tool" "/usr/local/bin/$tool"
      chmod 0755 "/usr/local/bin/$tool"
    done
  fi
  if [ ! -x /opt/cni/bin/portmap ]; then
    plugins=cni-plugins-linux-$arch-${CNI_PLUGINS_VERSION}.tgz
    download "$GITHUB_DOWNLOADS/containernetworking/plugins/releases/download/${CNI_PLUGINS_VERSION}/$plugins" "$STATE/$plugins"
    tar -xzf "$STATE/$plugins" -C /opt/cni/bin
  fi
  # Newer kubeadm speaks to the runtime itself.
  if [ "$KUBE_MINOR" -lt 31 ] && ! command -v crictl >/dev/null; then
    crictl=crictl-v1.$KUBE_MINOR.0-linux-$arch.tar.gz
    download "$GITHUB_DOWNLOADS/kubernetes-sigs/cri-tools/releases/download/v1.$KUBE_MINOR.0/$crictl" "$STATE/$crictl"
    tar -xzf "$STATE/$crictl" -C /usr/local/bin crictl
  fi
  install_kubelet_units
}
`;
