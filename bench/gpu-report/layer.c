// A Vulkan layer behind which a driver compiles shaders and executes nothing: commands, submissions and waits return
// success at once. Mesa's RADV, told by RADV_FORCE_FAMILY to be a GPU that the machine lacks, runs that GPU's compiler.
#include <stddef.h>
#include <string.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

static PFN_vkGetInstanceProcAddr instance_proc;
static PFN_vkGetDeviceProcAddr device_proc;
static VkInstance the_instance;
static PFN_vkGetPhysicalDeviceMemoryProperties memory_of_driver;
static PFN_vkGetPhysicalDeviceMemoryProperties2 memory_of_driver2;

static VkResult succeed(void) { return VK_SUCCESS; }

// The link of the loader's chain that says whom this layer calls next; it is moved on for the layer below.
static VkLayerInstanceLink *next_of_instance(const VkInstanceCreateInfo *info) {
  for (VkLayerInstanceCreateInfo *at = (void *)info->pNext; at; at = (void *)at->pNext)
    if (at->sType == VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO && at->function == VK_LAYER_LINK_INFO) {
      VkLayerInstanceLink *link = at->u.pLayerInfo;
      at->u.pLayerInfo = link->pNext;
      return link;
    }
  return NULL;
}

static VkLayerDeviceLink *next_of_device(const VkDeviceCreateInfo *info) {
  for (VkLayerDeviceCreateInfo *at = (void *)info->pNext; at; at = (void *)at->pNext)
    if (at->sType == VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO && at->function == VK_LAYER_LINK_INFO) {
      VkLayerDeviceLink *link = at->u.pLayerInfo;
      at->u.pLayerInfo = link->pNext;
      return link;
    }
  return NULL;
}

static VKAPI_ATTR VkResult VKAPI_CALL make_instance(const VkInstanceCreateInfo *info, const VkAllocationCallbacks *memory,
                                                    VkInstance *made) {
  VkLayerInstanceLink *next = next_of_instance(info);
  if (!next) return VK_ERROR_INITIALIZATION_FAILED;
  instance_proc = next->pfnNextGetInstanceProcAddr;
  VkResult result = ((PFN_vkCreateInstance)instance_proc(NULL, "vkCreateInstance"))(info, memory, made);
  if (result != VK_SUCCESS) return result;
  the_instance = *made;
  memory_of_driver = (PFN_vkGetPhysicalDeviceMemoryProperties)instance_proc(*made, "vkGetPhysicalDeviceMemoryProperties");
  memory_of_driver2 = (PFN_vkGetPhysicalDeviceMemoryProperties2)instance_proc(*made, "vkGetPhysicalDeviceMemoryProperties2");
  return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL make_device(VkPhysicalDevice gpu, const VkDeviceCreateInfo *info,
                                                  const VkAllocationCallbacks *memory, VkDevice *made) {
  VkLayerDeviceLink *next = next_of_device(info);
  if (!next) return VK_ERROR_INITIALIZATION_FAILED;
  device_proc = next->pfnNextGetDeviceProcAddr;
  return ((PFN_vkCreateDevice)next->pfnNextGetInstanceProcAddr(the_instance, "vkCreateDevice"))(gpu, info, memory, made);
}

// A GPU that the machine lacks has no memory. Dawn wants some: one heap of 16 GiB that is good for everything.
static void give_memory(VkPhysicalDeviceMemoryProperties *memory) {
  if (memory->memoryHeapCount == 0) {
    memory->memoryHeapCount = memory->memoryTypeCount = 1;
    memory->memoryHeaps[0].size = (VkDeviceSize)16 << 30;
    memory->memoryTypes[0].heapIndex = 0;
  }
  for (uint32_t i = 0; i < memory->memoryHeapCount; i++) {
    memory->memoryHeaps[i].flags |= VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
    if (memory->memoryHeaps[i].size == 0) memory->memoryHeaps[i].size = (VkDeviceSize)16 << 30;
  }
  for (uint32_t i = 0; i < memory->memoryTypeCount; i++)
    memory->memoryTypes[i].propertyFlags |= VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                            VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
}

static VKAPI_ATTR void VKAPI_CALL memory_of(VkPhysicalDevice gpu, VkPhysicalDeviceMemoryProperties *found) {
  memory_of_driver(gpu, found);
  give_memory(found);
}

static VKAPI_ATTR void VKAPI_CALL memory_of2(VkPhysicalDevice gpu, VkPhysicalDeviceMemoryProperties2 *found) {
  memory_of_driver2(gpu, found);
  give_memory(&found->memoryProperties);
}

static VKAPI_ATTR void VKAPI_CALL needs_of(VkDevice device, VkBuffer buffer, VkMemoryRequirements *needs) {
  ((PFN_vkGetBufferMemoryRequirements)device_proc(device, "vkGetBufferMemoryRequirements"))(device, buffer, needs);
  if (needs->memoryTypeBits == 0) needs->memoryTypeBits = 1;
}

static VKAPI_ATTR void VKAPI_CALL needs_of2(VkDevice device, const VkBufferMemoryRequirementsInfo2 *info,
                                            VkMemoryRequirements2 *needs) {
  ((PFN_vkGetBufferMemoryRequirements2)device_proc(device, "vkGetBufferMemoryRequirements2"))(device, info, needs);
  if (needs->memoryRequirements.memoryTypeBits == 0) needs->memoryRequirements.memoryTypeBits = 1;
}

// Fences and semaphores are objects of a kernel driver that is not there. Nobody looks behind their handles.
static uintptr_t handles;
static VKAPI_ATTR VkResult VKAPI_CALL make_fence(VkDevice device, const VkFenceCreateInfo *info,
                                                 const VkAllocationCallbacks *memory, VkFence *made) {
  *made = (VkFence)(handles += 8);
  return VK_SUCCESS;
}
static VKAPI_ATTR VkResult VKAPI_CALL make_semaphore(VkDevice device, const VkSemaphoreCreateInfo *info,
                                                     const VkAllocationCallbacks *memory, VkSemaphore *made) {
  *made = (VkSemaphore)(handles += 8);
  return VK_SUCCESS;
}

// All that was submitted is said to be done.
static VKAPI_ATTR VkResult VKAPI_CALL far_ahead(VkDevice device, VkSemaphore semaphore, uint64_t *value) {
  *value = UINT64_MAX / 2;
  return VK_SUCCESS;
}

static int is_left_out(const char *name) {
  static const char *const names[] = {
    "vkBeginCommandBuffer", "vkEndCommandBuffer", "vkResetCommandBuffer", "vkResetCommandPool", "vkQueueSubmit",
    "vkQueueSubmit2", "vkQueueSubmit2KHR", "vkQueueWaitIdle", "vkDeviceWaitIdle", "vkWaitForFences", "vkResetFences",
    "vkGetFenceStatus", "vkDestroyFence", "vkDestroySemaphore", "vkWaitSemaphores", "vkWaitSemaphoresKHR",
    "vkResetQueryPool", "vkGetQueryPoolResults",
  };
  if (strncmp(name, "vkCmd", 5) == 0) return 1;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return 1;
  return 0;
}

struct own { const char *name; void *function; };
// The layer's own function of that name, what stands for one that is left out, or the driver's, where it has one.
static PFN_vkVoidFunction choose(const struct own *own, size_t count, const char *name, PFN_vkVoidFunction drivers) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(own[i].name, name) == 0) return (PFN_vkVoidFunction)own[i].function;
  return drivers && is_left_out(name) ? (PFN_vkVoidFunction)succeed : drivers;
}

VK_LAYER_EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL compile_only_device_proc(VkDevice device, const char *name) {
  static const struct own own[] = {
    {"vkGetDeviceProcAddr", compile_only_device_proc}, {"vkCreateFence", make_fence}, {"vkCreateSemaphore", make_semaphore},
    {"vkGetBufferMemoryRequirements", needs_of}, {"vkGetBufferMemoryRequirements2", needs_of2},
    {"vkGetBufferMemoryRequirements2KHR", needs_of2}, {"vkGetSemaphoreCounterValue", far_ahead},
    {"vkGetSemaphoreCounterValueKHR", far_ahead},
  };
  return choose(own, sizeof own / sizeof *own, name, device_proc(device, name));
}

VK_LAYER_EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL compile_only_instance_proc(VkInstance instance, const char *name) {
  static const struct own own[] = {
    {"vkGetInstanceProcAddr", compile_only_instance_proc}, {"vkGetDeviceProcAddr", compile_only_device_proc},
    {"vkCreateInstance", make_instance}, {"vkCreateDevice", make_device},
    {"vkGetPhysicalDeviceMemoryProperties", memory_of}, {"vkGetPhysicalDeviceMemoryProperties2", memory_of2},
    {"vkGetPhysicalDeviceMemoryProperties2KHR", memory_of2}, {"vkGetSemaphoreCounterValue", far_ahead},
    {"vkGetSemaphoreCounterValueKHR", far_ahead},
  };
  return choose(own, sizeof own / sizeof *own, name, instance_proc ? instance_proc(instance, name) : NULL);
}

VK_LAYER_EXPORT VKAPI_ATTR VkResult VKAPI_CALL compile_only_negotiate(VkNegotiateLayerInterface *offered) {
  if (offered->loaderLayerInterfaceVersion > 2) offered->loaderLayerInterfaceVersion = 2;
  offered->pfnGetInstanceProcAddr = compile_only_instance_proc;
  offered->pfnGetDeviceProcAddr = compile_only_device_proc;
  offered->pfnGetPhysicalDeviceProcAddr = NULL;
  return VK_SUCCESS;
}
